"""Pipelines: which tasks to run, under which labels, configured how."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import yaml

from pantler.config.yaml_text import load_yaml
from pantler.errors import PipelineError, close_match
from pantler.pipelines.location import find_file, read_file
from pantler.pipelines.reader import read_definition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pantler.pipelines.task_definition import TaskDefinition


@dataclass(frozen=True, slots=True)
class Pipeline:
    """An ordered set of configured tasks, as a value.

    Parameters
    ----------
    description
        What it is for, in a sentence.
    tasks
        Its tasks, in the order of the file; what depends on what follows from
        their connections.
    instrument
        Name of the instrument whose configuration it takes, None for any.
    subsets
        Labels by the name of a subset.

    Examples
    --------
    >>> pipeline = Pipeline.from_yaml('''
    ... description: Remove the instrument's signature.
    ... tasks:
    ...   isr:
    ...     class: pantler.science.isr.IsrTask
    ...     config: {overscan.order: 3}
    ... ''')
    >>> pipeline.with_overrides({"isr:overscan.order": "5"}).tasks[0].overrides
    {'overscan.order': 5}
    """

    description: str
    tasks: tuple[TaskDefinition, ...]
    instrument: str | None = None
    subsets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def from_yaml(cls, text: str | bytes, *, where: str = "pipeline") -> Self:
        """Read a pipeline from YAML text.

        Parameters
        ----------
        text
            The document.
        where
            What to call it in messages, such as its path. Files that it imports by
            a relative path are not found without a folder: use `load`.

        Raises
        ------
        PipelineError
            If it is not a valid pipeline; the message names the line.
        """
        definition = read_definition(text, where)
        return cls(
            description=definition.description,
            tasks=definition.resolved_tasks(),
            instrument=definition.instrument,
            subsets=definition.subsets,
        )

    @classmethod
    def load(cls, location: str | Path) -> Self:
        """Read a pipeline from a file.

        Parameters
        ----------
        location
            A path, or ``package.module:file.yaml`` for a file of an installed
            package.

        Raises
        ------
        NotFoundError
            If there is no such file.
        PipelineError
            If it is not a valid pipeline.
        """
        file = find_file(str(location))
        return cls.from_yaml(read_file(file), where=str(file))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the tasks, in order."""
        return tuple(task.label for task in self.tasks)

    def to_yaml(self) -> str:
        """Return YAML text with everything expanded: `from_yaml` makes an equal one."""
        data: dict[str, Any] = {"description": self.description}
        if self.instrument is not None:
            data["instrument"] = self.instrument
        data["tasks"] = {
            task.label: {
                "class": task.task_path,
                **({"config": dict(task.overrides)} if task.overrides else {}),
                **({"needs": dict(task.needs)} if task.needs else {}),
            }
            if task.overrides or task.needs
            else task.task_path
            for task in self.tasks
        }
        if self.subsets:
            data["subsets"] = {
                name: list(these) for name, these in self.subsets.items()
            }
        try:
            return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
        except yaml.representer.RepresenterError as error:
            raise PipelineError(
                f"A configuration value cannot be written as YAML: {error.args[1]!r}. "
                "Use plain numbers, texts, lists and mappings."
            ) from None

    def select(self, names: Iterable[str]) -> Self:
        """Return the pipeline of some of the tasks.

        Parameters
        ----------
        names
            Labels of tasks or names of subsets, in any order.

        Raises
        ------
        PipelineError
            If there is no such label or subset, or nothing is left.
        """
        labels: set[str] = set()
        for name in names:
            if name in self.subsets:
                labels.update(self.subsets[name])
            else:
                labels.add(self._known(name, subsets=True))
        if not labels:
            raise PipelineError("No task was selected: name a label or a subset.")
        subsets = {
            name: kept
            for name, members in self.subsets.items()
            if (kept := tuple(label for label in members if label in labels))
        }
        tasks = tuple(task for task in self.tasks if task.label in labels)
        return replace(self, tasks=tasks, subsets=subsets)

    def with_overrides(self, overrides: Mapping[str, Any]) -> Self:
        """Return the pipeline with configuration values over all others.

        Parameters
        ----------
        overrides
            Values by ``label:dotted.key``. A text is read as YAML, so that what
            comes from a command line has its type.

        Raises
        ------
        PipelineError
            If a key has no label, there is no such label, or a value is not YAML.
        """
        more: dict[str, dict[str, Any]] = {}
        for key, value in overrides.items():
            label, colon, path = key.partition(":")
            if not (colon and label and path):
                raise PipelineError(
                    f"'{key}' is not a configuration override. "
                    "Write 'label:key=value', as in 'isr:do_flat=false'."
                )
            more.setdefault(self._known(label), {})[path] = _scalar(key, value)
        return replace(
            self,
            tasks=tuple(task.overlaid(more.get(task.label, {})) for task in self.tasks),
        )

    def with_instrument_overrides(
        self, overrides: Mapping[str, Mapping[str, Any]]
    ) -> Self:
        """Return the pipeline with an instrument's configuration below its own.

        Parameters
        ----------
        overrides
            Values by dotted key, by the name of a task class or by a label; where
            both are there, the label's win. Names that are not in the pipeline
            are passed over: an instrument knows more tasks than one pipeline has.
        """
        return replace(
            self,
            tasks=tuple(
                task.underlaid(overrides.get(task.label, {})).underlaid(
                    overrides.get(task.class_name, {})
                )
                for task in self.tasks
            ),
        )

    def _known(self, label: str, *, subsets: bool = False) -> str:
        """Return a label, or say that there is none such."""
        if label not in self.labels:
            known = [*self.labels, *(self.subsets if subsets else ())]
            what = "task or subset" if subsets else "task"
            raise PipelineError(
                f"The pipeline has no {what} '{label}'.{close_match(label, known)} "
                f"It has: {', '.join(known)}."
            )
        return label


def _scalar(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return load_yaml(value, f"The value for '{key}'", error=PipelineError)
    except PipelineError as error:
        raise PipelineError(
            f"{error} Put text with special characters in quotes."
        ) from None
