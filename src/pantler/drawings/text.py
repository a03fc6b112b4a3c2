"""A pipeline graph as text: one line for each node, rails between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pantler.drawings.names import short_dimensions

if TYPE_CHECKING:
    from pantler.pipelines.graph import PipelineGraph
    from pantler.pipelines.nodes import DatasetNode, TaskNode

_TASK = "■"
_DATASET = "○"
_PREREQUISITE = "◌"
_CORNERS = {  # what goes (up, down, left, right)
    (True, False, False, True): "╰",
    (True, False, True, False): "╯",
    (True, False, True, True): "┴",
    (True, True, False, True): "├",
    (True, True, True, False): "┤",
    (True, True, True, True): "┼",
}


def draw_text(graph: PipelineGraph) -> str:
    """Return a graph as text for a terminal.

    Tasks stand in the order in which they can run. A dataset type has a rail from
    where it is made, or first wanted, to the last task that takes it.
    """
    return _Rails(graph).draw()


class _Line(NamedTuple):
    """One line: the rails, and what stands next to them."""

    rails: str
    name: str
    dimensions: str
    notes: str


class _Rails:
    """The rails at one line of the drawing, and the lines before."""

    def __init__(self, graph: PipelineGraph) -> None:
        self._graph = graph
        self._columns: list[str | None] = []
        self._dead_end: int | None = None
        self._lines: list[_Line] = []
        self._last = {
            name: node.consumers[-1] if node.consumers else None
            for name, node in graph.datasets.items()
        }

    def draw(self) -> str:
        drawn: set[str] = set()
        for task in self._graph.tasks.values():
            for edge in task.consumed():
                name = edge.dataset_type.name
                if name not in drawn:
                    drawn.add(name)
                    self._add_dataset(name, self._free_column())
            column = self._add_task(task)
            made = [edge.dataset_type.name for edge in task.produced()]
            drawn.update(made)
            self._add_outputs(column, made)
        return self._text()

    def _text(self) -> str:
        widths = [max(len(line[part]) for line in self._lines) for part in range(3)]
        return "".join(
            "  ".join(
                [text.ljust(width) for text, width in zip(line, widths, strict=False)]
                + [line.notes]
            ).rstrip()
            + "\n"
            for line in self._lines
        )

    def _free_column(self) -> int:
        """Return a free column, but not one in which a dead end is right above."""
        for at, name in enumerate(self._columns):
            if name is None and at != self._dead_end:
                return at
        self._columns.append(None)
        return len(self._columns) - 1

    def _add_dataset(self, name: str, column: int, *, stem: int | None = None) -> None:
        """Draw a dataset type, with a branch from the stem of the task if given."""
        node = self._graph.datasets[name]
        symbol = _PREREQUISITE if node.is_prerequisite else _DATASET
        self._columns[column] = name if self._last[name] is not None else None
        self._dead_end = column if self._last[name] is None else None
        joined = set() if stem is None else {stem}
        dataset_type = node.dataset_type
        self._lines.append(
            _Line(
                self._row(column, symbol, joined=joined, ending=set()),
                dataset_type.name,
                short_dimensions(dataset_type.dimensions),
                ", ".join([dataset_type.storage_class, *_notes(node)]),
            )
        )

    def _add_task(self, task: TaskNode) -> int:
        """Draw a task with the rails that it takes, and return its column."""
        names = {edge.dataset_type.name for edge in task.consumed()}
        joined = {at for at, name in enumerate(self._columns) if name in names}
        ending = {
            at for at in joined if self._last[str(self._columns[at])] == task.label
        }
        column = min(ending) if ending else self._free_column()
        row = self._row(column, _TASK, joined=joined, ending=ending)
        self._lines.append(
            _Line(row, task.label, short_dimensions(task.dimensions), task.class_name)
        )
        for at in ending:
            self._columns[at] = None
        self._dead_end = None if task.outputs or task.init_outputs else column
        return column

    def _add_outputs(self, column: int, made: list[str]) -> None:
        """Draw what a task makes; what nobody takes first, as it leaves no rail."""
        made = sorted(made, key=lambda name: self._last[name] is not None)
        self._columns[column] = "stem"
        for name in made[:-1]:
            self._add_dataset(name, self._free_column(), stem=column)
        self._columns[column] = None
        if made:
            self._add_dataset(made[-1], column)

    def _row(
        self, column: int, symbol: str, *, joined: set[int], ending: set[int]
    ) -> str:
        """Return the rails of a line, with a symbol that some of them join."""
        first, last = min({column} | joined), max({column} | joined)
        text = ""
        for at, rail in enumerate(self._columns):
            if at == column:
                text += symbol
            elif at in joined:
                text += _CORNERS[True, at not in ending, at > first, at < last]
            elif rail is not None:
                text += "│"  # a rail that is crossed stays whole
            else:
                text += "─" if first < at < last else " "
            text += "─" if first <= at < last else " "
        return text.rstrip()


def _notes(node: DatasetNode) -> list[str]:
    notes = []
    if node.is_prerequisite:
        notes.append("prerequisite")
    if node.dataset_type.is_calibration:
        notes.append("calibration")
    if node.is_init:
        notes.append("once for each run")
    return notes
