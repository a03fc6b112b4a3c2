"""Three small real tasks, and a way to run any task in memory.

The tasks pass JSON dictionaries on. With the connections that pipelines of surveys
have, they are what graphs, executors and benchmarks are tried on.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from pantler.datasets.dataset_type import DatasetType, split_component
from pantler.datasets.deferred import DeferredDataset
from pantler.datasets.identity import make_uuid
from pantler.datasets.ref import DatasetRef
from pantler.dimensions.coordinate import DataCoordinate
from pantler.dimensions.universe import Universe
from pantler.errors import InvalidInputError, TaskError, close_match
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import (
    Connections,
    DimensionedConnection,
    Input,
    Output,
    PrerequisiteInput,
)
from pantler.tasks.task import NoWork, PipelineTask

if TYPE_CHECKING:
    from uuid import UUID

    from pantler.datasets.storage_class import StorageClass
    from pantler.dimensions.column import DataIdValue

_DICT = "StructuredDict"


class ReduceConnections(Connections, dimensions=("exposure", "detector")):
    """A raw frame and its calibration make a reduced frame."""

    raw = Input("raw", _DICT, "The frame.", dimensions=("exposure", "detector"))
    bias = PrerequisiteInput(
        "bias",
        _DICT,
        "Its calibration.",
        dimensions=("instrument", "detector"),
        is_calibration=True,
    )
    reduced = Output(
        "reduced", _DICT, "The result.", dimensions=("exposure", "detector")
    )

    @classmethod
    def dropped(cls, config: ReduceConfig) -> Sequence[str]:
        """Drop the calibration that is not asked for."""
        return () if config.do_bias else ("bias",)


class ReduceConfig(TaskConfig):
    """How `ReduceTask` works."""

    do_bias: bool = Field(default=True, description="Whether to subtract a bias.")
    fail_on_detector: int | None = Field(
        None, description="A detector on which to fail; None for none."
    )
    idle_on_detector: int | None = Field(
        None, description="A detector on which there is nothing to do."
    )


class ReduceTask(PipelineTask[ReduceConfig]):
    """Subtract the level of a bias from that of a raw frame."""

    connections = ReduceConnections

    def run(
        self, *, raw: dict[str, Any], bias: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return ``reduced``: all of ``raw``, with another ``level``.

        Parameters
        ----------
        raw
            With a number ``level``, and ``detector`` if the configuration needs it.
        bias
            With a number ``level``.
        """
        detector = raw.get("detector")
        if detector is not None and detector == self.config.fail_on_detector:
            raise TaskError(f"Told to fail on detector {detector}.")
        if detector is not None and detector == self.config.idle_on_detector:
            raise NoWork(f"Told to idle on detector {detector}.")
        level = raw.get("level", 0) - (bias or {}).get("level", 0)
        self.metadata["level"] = level
        self.log.info("Level %s.", level)
        return {"reduced": {**raw, "level": level}}


class MeasureConnections(Connections, dimensions=("visit", "detector")):
    """The reduced frames of a visit's exposures make one measurement."""

    frames = Input(
        "reduced",
        _DICT,
        "The frames of all exposures.",
        dimensions=("exposure", "detector"),
        multiple=True,
    )
    measured = Output(
        "measured", _DICT, "The result.", dimensions=("visit", "detector")
    )


class MeasureTask(PipelineTask[TaskConfig]):
    """Average the levels of frames."""

    connections = MeasureConnections

    def run(self, *, frames: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return ``measured``: the number of frames and their mean level."""
        levels = [frame.get("level", 0) for frame in frames]
        self.log.info("%d frames.", len(levels))
        return {"measured": {"frames": len(levels), "level": sum(levels) / len(levels)}}


class GatherConnections(Connections, dimensions=("tract", "patch", "band")):
    """The measurements that overlap a patch make one summary."""

    measurements = Input(
        "measured",
        _DICT,
        "All that overlap.",
        dimensions=("visit", "detector"),
        multiple=True,
        deferred=True,
    )
    gathered = Output(
        "gathered", _DICT, "The result.", dimensions=("tract", "patch", "band")
    )


class GatherTask(PipelineTask[TaskConfig]):
    """Average measurements, read one by one."""

    connections = GatherConnections

    def run(self, *, measurements: Sequence[DeferredDataset]) -> dict[str, Any]:
        """Return ``gathered``: data IDs of the measurements, and their mean level."""
        levels = [handle.get()["level"] for handle in measurements]
        found = [dict(handle.data_id.required) for handle in measurements]
        return {"gathered": {"data_ids": found, "level": sum(levels) / len(levels)}}


@dataclass(frozen=True, slots=True)
class _MadeObjects:
    """Reads the objects that a test gave, for deferred handles."""

    objects: Mapping[UUID, Any]

    def get(
        self,
        ref: DatasetRef,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        storage_class: StorageClass | None = None,
    ) -> Any:
        """Return the object of a handle.

        A component is what a mapping or an attribute of that name holds.
        """
        if parameters:
            raise InvalidInputError(
                f"Parameters of reads ({', '.join(parameters)}) need a real datastore."
            )
        value = self.objects[ref.id]
        if component is not None:
            is_mapping = isinstance(value, Mapping)
            value = value[component] if is_mapping else getattr(value, component)
        if storage_class is None:
            return value
        return storage_class.convert(value, "what is asked for")


class MemoryContext:
    """A quantum whose datasets are Python objects: a `QuantumContext` for tests.

    Parameters
    ----------
    task
        Whose quantum it is.
    inputs
        The objects of its inputs and prerequisites, by connection; for a multiple
        one a list, or a mapping of data IDs to objects, where a data ID is a tuple
        of the required values of the connection's dimensions.
    data_id
        Of the quantum; without it, zeros and empty texts.
    universe
        Where dimensions come from.

    Attributes
    ----------
    results
        What the task has put, by connection.

    Raises
    ------
    InvalidInputError
        If an object is for no input connection, or one is missing.
    """

    def __init__(
        self,
        task: PipelineTask[Any],
        inputs: Mapping[str, Any],
        *,
        data_id: Mapping[str, DataIdValue] | None = None,
        universe: Universe | None = None,
    ) -> None:
        self.results: dict[str, Any] = {}
        self._task = task
        self._universe = universe or Universe.default()
        self._objects: dict[UUID, Any] = {}
        self._data_id = self._coordinate(task.connections.dimensions, data_id or {})
        self.inputs: dict[str, list[DatasetRef]] = {}
        self.outputs: dict[str, list[DatasetRef]] = {}
        self._check_names(inputs)
        for name, connection in task.resolved.items():
            if isinstance(connection, Input | PrerequisiteInput):
                self.inputs[name] = self._take(name, connection, inputs.get(name))
            elif isinstance(connection, Output):
                self.outputs[name] = [self._ref(connection)]

    @property
    def label(self) -> str:
        """The task's label."""
        return self._task.label

    @property
    def data_id(self) -> DataCoordinate:
        """The data ID of the quantum."""
        return self._data_id

    def get(self, connection: str) -> Any:
        """Return what ``run`` gets for a connection."""
        declared = self._task.resolved[connection]
        found: list[Any] = [
            DeferredDataset(ref, _MadeObjects(self._objects))
            if getattr(declared, "deferred", False)
            else self._objects[ref.id]
            for ref in self.inputs[connection]
        ]
        if getattr(declared, "multiple", False):
            return found
        return found[0] if found else None

    def put(self, connection: str, value: Any) -> None:
        """Keep an output.

        Raises
        ------
        TaskError
            If the task has no such output.
        """
        if connection not in self.outputs:
            raise TaskError(
                f"Task '{self.label}' put '{connection}', which is not an output "
                f"connection.{close_match(connection, self.outputs)}"
            )
        self.results[connection] = value

    def _check_names(self, inputs: Mapping[str, Any]) -> None:
        connections = self._task.resolved
        takes = {
            name: connection
            for name, connection in connections.items()
            if isinstance(connection, Input | PrerequisiteInput)
        }
        for name in inputs:
            if name not in takes:
                raise InvalidInputError(
                    f"Task '{self.label}' has no input connection '{name}'."
                    f"{close_match(name, takes)} It has: {', '.join(takes) or 'none'}."
                )
        for name, connection in takes.items():
            if name not in inputs and connection.minimum > 0:
                raise InvalidInputError(
                    f"Task '{self.label}' needs an object for its input '{name}'."
                )

    def _take(
        self, name: str, connection: DimensionedConnection, value: Any
    ) -> list[DatasetRef]:
        if value is None:
            return []
        if not connection.multiple:
            values: dict[Any, Any] = {None: value}
        elif isinstance(value, Mapping):
            values = dict(value)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            values = {(place,): each for place, each in enumerate(value)}
        else:
            raise InvalidInputError(
                f"Input '{name}' of task '{self.label}' is multiple: give a list."
            )
        given = connection.multiple and isinstance(value, Mapping)
        refs = []
        for key, each in values.items():
            ref = self._ref(connection, key if given else None)
            self._objects[ref.id] = each
            refs.append(ref)
        return refs

    def _ref(
        self,
        connection: DimensionedConnection,
        key: tuple[DataIdValue, ...] | None = None,
    ) -> DatasetRef:
        name, _ = split_component(connection.name)
        group = self._universe.group(connection.dimensions)
        if key is not None:
            values = dict(zip(group.required, key, strict=True))
        else:
            values = {k: v for k, v in self._data_id.items() if k in group}
        dataset_type = DatasetType(name, group, connection.storage_class)
        data_id = self._coordinate(connection.dimensions, values)
        return DatasetRef(dataset_type, data_id, "memory", make_uuid())

    def _coordinate(
        self, dimensions: Sequence[str], given: Mapping[str, DataIdValue]
    ) -> DataCoordinate:
        """Return a data ID in which what is not given is zero or empty."""
        group = self._universe.group(dimensions)
        values: dict[str, DataIdValue] = {}
        for name in itertools.chain(given, group.required):
            is_int = self._universe[name].primary_key.type == "int"
            values.setdefault(name, given.get(name, 0 if is_int else ""))
        return DataCoordinate.from_mapping(values, group)


def run_task_once(
    task: PipelineTask[Any],
    inputs: Mapping[str, Any],
    *,
    data_id: Mapping[str, DataIdValue] | None = None,
    universe: Universe | None = None,
) -> dict[str, Any]:
    """Run a task on objects in memory, as an executor would, and return its outputs.

    Parameters
    ----------
    task
        What to run.
    inputs, data_id, universe
        As for `MemoryContext`.

    Returns
    -------
    dict
        The outputs by connection; empty if the task found nothing to do.

    Examples
    --------
    >>> task = ReduceTask()
    >>> run_task_once(task, {"raw": {"level": 5}, "bias": {"level": 2}})
    {'reduced': {'level': 3}}
    """
    context = MemoryContext(task, inputs, data_id=data_id, universe=universe)
    task.metadata.clear()
    try:
        task.run_quantum(context)
    except NoWork:
        return {}
    return context.results
