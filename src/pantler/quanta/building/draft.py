"""A quantum graph while it is built: tables that can still lose rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pantler.errors import DataIdError
from pantler.quanta.building.alive import Alive, Taken
from pantler.quanta.tables import DataIds, DatasetTable, Link, QuantumTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pantler.datasets.dataset_type import DatasetType
    from pantler.pipelines.nodes import Edge, TaskNode
    from pantler.quanta.building.prerequisites import Candidates
    from pantler.quanta.building.sources import FoundDatasets
    from pantler.quanta.join.csr import Csr
    from pantler.quanta.join.projections import Projections
    from pantler.quanta.join.relations import Relation


@dataclass(frozen=True, slots=True, eq=False)
class PrerequisiteMatch:
    """What was found for one connection.

    Parameters
    ----------
    label
        The task's.
    edge
        The connection.
    links
        From the task's quanta to candidates.
    """

    label: str
    edge: Edge
    links: Csr


@dataclass(slots=True, eq=False)
class Draft:
    """Tables of quanta and datasets, without numbers of UUIDs.

    Parameters
    ----------
    tasks
        The tasks, in the order of the graph.
    found
        The overall inputs that exist, by dataset type.
    """

    tasks: Mapping[str, TaskNode]
    found: Mapping[str, FoundDatasets]
    datasets: dict[str, DatasetTable] = field(default_factory=dict)
    exists: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    quanta: dict[str, DataIds] = field(default_factory=dict)
    inputs: dict[str, dict[str, Link]] = field(default_factory=dict)
    outputs: dict[str, dict[str, Link]] = field(default_factory=dict)

    def add_tasks(self, tasks: list[TaskNode], projections: Projections) -> None:
        """Add the quanta of tasks that share datasets, their inputs and outputs."""
        for task in tasks:
            rows = projections.on(task.dimensions.names)
            self.quanta[task.label] = DataIds(
                rows.coding, task.dimensions, rows.columns, len(rows)
            )
            for edges, links in (
                (task.inputs, self.inputs),
                (task.outputs, self.outputs),
            ):
                links[task.label] = {
                    name: self._link(edge, rows, projections)
                    for name, edge in edges.items()
                }

    def _link(self, edge: Edge, rows: Relation, projections: Projections) -> Link:
        dataset_type = edge.dataset_type
        columns = projections.on(dataset_type.dimensions.names)
        if dataset_type.name not in self.datasets:
            self._add_datasets(dataset_type, columns)
        return Link(dataset_type.name, projections.edges(rows, columns))

    def _add_datasets(self, dataset_type: DatasetType, rows: Relation) -> None:
        name, count = dataset_type.name, len(rows)
        data_ids = DataIds(rows.coding, dataset_type.dimensions, rows.columns, count)
        found = self.found.get(name)
        if found is None:
            self.datasets[name] = DatasetTable(dataset_type, data_ids)
            self.exists[name] = np.ones(count, dtype=np.bool_)
            return
        places = rows.places_of(found.relation)
        known = places >= 0
        ids = np.zeros((count, 16), dtype=np.uint8)
        run_codes = np.zeros(count, dtype=np.int32)
        exists = np.zeros(count, dtype=np.bool_)
        ids[places[known]] = found.ids[known]
        run_codes[places[known]] = found.run_codes[known]
        exists[places[known]] = True
        self.datasets[name] = DatasetTable(
            dataset_type, data_ids, ids=ids, run_codes=run_codes
        )
        self.exists[name] = exists

    def drop_starved(self) -> list[str]:
        """Drop quanta with too few inputs, and what hangs on them.

        Returns
        -------
        list of str
            A sentence for each task that lost quanta.
        """
        alive = Alive(
            {label: np.ones(len(ids), np.bool_) for label, ids in self.quanta.items()},
            self.exists,
        )
        sentences = []
        for label, task in self.tasks.items():
            inputs = [
                Taken(link, task.inputs[name].connection.minimum)  # type: ignore[attr-defined]
                for name, link in self.inputs[label].items()
            ]
            outputs = self.outputs[label].values()
            short = alive.drop_starved(label, inputs, outputs)
            if short:
                sentences.append(_starved(label, alive.quanta[label], short))
        everything = (*alive.quanta.values(), *alive.datasets.values())
        if not all(mask.all() for mask in everything):
            self._compact(alive)
        return sentences

    def refuse_ambiguous(self) -> None:
        """Refuse several inputs where a task takes one.

        Raises
        ------
        DataIdError
            Naming the task, the connection and two of the datasets.
        """
        for label, task in self.tasks.items():
            for name, link in self.inputs[label].items():
                edge = task.inputs[name]
                many = link.edges.counts > 1
                if not edge.connection.multiple and many.any():  # type: ignore[attr-defined]
                    row = int(np.flatnonzero(many)[0])
                    raise self._ambiguous(task, edge, link, row)

    def _ambiguous(
        self, task: TaskNode, edge: Edge, link: Link, row: int
    ) -> DataIdError:
        table = self.datasets[link.dataset_type]
        found = link.edges.row(row)
        shown = [table.data_ids.coordinate(int(place)) for place in found[:2]]
        more = [n for n in table.data_ids.group.names if n not in task.dimensions]
        return DataIdError(
            f"Task '{task.label}' takes one '{link.dataset_type}' through connection "
            f"'{edge.name}', and there are {len(found)} for "
            f"{self.quanta[task.label].coordinate(row)}, such as {shown[0]} and "
            f"{shown[1]}. Declare the connection with multiple=True, or the task with "
            f"the dimensions {', '.join(more)} too."
        )

    def _compact(self, alive: Alive) -> None:
        """Leave out all that is dropped, and inputs that nobody takes any more."""
        wanted = alive.datasets
        for name in self.found:
            if name in wanted:
                wanted[name] &= self._used(name, alive)
        for label, kept in alive.quanta.items():
            for links in (self.inputs[label], self.outputs[label]):
                for name, link in links.items():
                    edges = link.edges.keep(kept, wanted[link.dataset_type])
                    links[name] = Link(link.dataset_type, edges)
            self.quanta[label] = self.quanta[label].take(kept)
        for name, mask in wanted.items():
            self.datasets[name] = self.datasets[name].take(mask)

    def _used(self, name: str, alive: Alive) -> NDArray[np.bool_]:
        used = np.zeros(len(self.datasets[name]), dtype=np.bool_)
        for label, links in self.inputs.items():
            for link in links.values():
                if link.dataset_type == name:
                    rows = alive.quanta[label][link.edges.rows]
                    used[link.edges.columns[rows]] = True
        return used

    def add_prerequisites(
        self, candidates: Candidates, matches: Sequence[PrerequisiteMatch]
    ) -> None:
        """Add the prerequisites of one dataset type.

        Parameters
        ----------
        candidates
            Those that there are.
        matches
            For each connection that takes them, at least one.
        """
        used = np.zeros(len(candidates.ids), dtype=np.bool_)
        for match in matches:
            used[match.links.columns] = True
        chosen = candidates.relation.take(used)
        dataset_type = matches[0].edge.dataset_type
        name = dataset_type.name
        data_ids = DataIds(
            chosen.coding, dataset_type.dimensions, chosen.columns, len(chosen)
        )
        self.datasets[name] = DatasetTable(
            dataset_type,
            data_ids,
            ids=candidates.ids[used],
            run_codes=candidates.run_codes[used],
        )
        for match in matches:
            every = np.ones(len(match.links), dtype=np.bool_)
            links = Link(name, match.links.keep(every, used))
            self.inputs[match.label][match.edge.name] = links

    def quantum_tables(self) -> dict[str, QuantumTable]:
        """Return the tables of all tasks, numbered."""
        tables = {}
        first = 0
        for label, task in self.tasks.items():
            data_ids = self.quanta[label]
            tables[label] = QuantumTable(
                label,
                first,
                data_ids,
                task.log_type.name,
                task.metadata_type.name,
                self.inputs[label],
                self.outputs[label],
            )
            first += len(data_ids)
        return tables

    def dataset_tables(self) -> dict[str, DatasetTable]:
        """Return the tables of all dataset types, with places of UUIDs.

        Inputs come first, then what each task makes: configuration, init-outputs,
        outputs, logs and metadata.
        """
        tables = {n: t for n, t in self.datasets.items() if not t.is_predicted}
        first = 0
        for label, task in self.tasks.items():
            quanta = self.quanta[label]
            once = DataIds(quanta.coding, task.config_type.dimensions, {}, 1)
            made = [(task.config_type, once)]
            made += [(edge.dataset_type, once) for edge in task.init_outputs.values()]
            made += [
                (edge.dataset_type, self.datasets[edge.dataset_type.name].data_ids)
                for edge in task.outputs.values()
            ]
            made += [(task.log_type, quanta), (task.metadata_type, quanta)]
            for dataset_type, data_ids in made:
                tables[dataset_type.name] = DatasetTable(dataset_type, data_ids, first)
                first += len(data_ids)
        return tables


def _starved(label: str, alive: NDArray[np.bool_], short: list[Taken]) -> str:
    """Return which quanta have too few inputs, and of what."""
    count, lost = len(alive), np.count_nonzero(~alive)
    if lost == count:
        who = "The only quantum" if count == 1 else f"All {count} quanta"
    else:
        who = f"{lost} of the {count} quanta"
    needed = " and ".join(
        f"at least {each.minimum} '{each.link.dataset_type}'" for each in short
    )
    has = "has" if lost == 1 else "have"
    return f"{who} of '{label}' {has} too few inputs: each needs {needed}."
