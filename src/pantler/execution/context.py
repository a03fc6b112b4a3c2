"""The context of a quantum that has only its part of the graph and a datastore."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from pantler.datasets.deferred import DeferredDataset
from pantler.errors import ConflictError, TaskError, close_match
from pantler.tasks.task import NoWork

if TYPE_CHECKING:
    from pantler.datasets.records import DatastoreRecord
    from pantler.datasets.ref import DatasetRef
    from pantler.datasets.storage_class import StorageClass
    from pantler.datastores.interface import Datastore
    from pantler.dimensions.coordinate import DataCoordinate
    from pantler.pipelines.nodes import Edge, TaskNode
    from pantler.quanta.quantum import Quantum
    from pantler.tasks.connections import (
        DimensionedConnection,
        Input,
        PrerequisiteInput,
    )

RecordsOf = Callable[["DatasetRef"], "Sequence[DatastoreRecord]"]


class GraphQuantumContext:
    """Reads and writes what a quantum of a graph names; asks no registry.

    Inputs that existed when the graph was built are read by the records that it
    carries. Those that other quanta make are looked for where the datastore would
    have written them; what is not there was not made, and is left out.

    Parameters
    ----------
    quantum
        What is to be done.
    task
        Its task.
    datastore
        Where datasets are.
    records_of
        Returns the records of an input that another quantum made, empty if it made
        none; the datastore looks when None.

    Attributes
    ----------
    written
        The records of the outputs that were stored, by ref.
    """

    def __init__(
        self,
        quantum: Quantum,
        task: TaskNode,
        datastore: Datastore,
        *,
        records_of: RecordsOf | None = None,
    ) -> None:
        self.quantum = quantum
        self.written: dict[DatasetRef, list[DatastoreRecord]] = {}
        self._datastore = datastore
        self._edges: dict[str, Edge] = {**task.inputs, **task.prerequisites}
        self._outputs = task.outputs
        self._records_of = records_of or datastore.find
        self._records: dict[DatasetRef, Sequence[DatastoreRecord]] = {}
        self._inputs: dict[str, tuple[DatasetRef, ...]] | None = None
        self._owner = os.getpid()
        # A task may store its outputs from threads, which may outlive the quantum.
        self._lock = threading.Lock()
        self._put: set[str] = set()
        self._is_closed = False

    @property
    def label(self) -> str:
        """The task's label in the pipeline."""
        return self.quantum.label

    @property
    def data_id(self) -> DataCoordinate:
        """The full data ID of the quantum."""
        return self.quantum.data_id

    @property
    def inputs(self) -> Mapping[str, Sequence[DatasetRef]]:
        """Refs of the inputs that exist, by connection."""
        if self._inputs is None:
            self._inputs = {
                name: tuple(ref for ref in refs if self._find(ref))
                for name, refs in self.quantum.inputs.items()
            }
        return self._inputs

    @property
    def outputs(self) -> Mapping[str, Sequence[DatasetRef]]:
        """Refs of the outputs to make, by connection."""
        return self.quantum.outputs

    def check_inputs(self) -> None:
        """Refuse a quantum whose inputs were not made.

        Raises
        ------
        NoWork
            If a connection has fewer inputs than its ``minimum``.
        """
        for name, edge in self._edges.items():
            connection = cast("Input | PrerequisiteInput", edge.connection)
            found = len(self.inputs[name])
            if found < connection.minimum:
                predicted = len(self.quantum.inputs[name])
                raise NoWork(
                    f"of {predicted} predicted '{edge.dataset_type.name}' for "
                    f"connection '{name}' {found} were made; "
                    f"at least {connection.minimum} are needed"
                )

    def get(self, connection: str) -> Any:
        """Return what ``run`` gets for a connection.

        Raises
        ------
        TaskError
            If there is no such input connection, or it has several datasets and
            takes one.
        DatasetNotFoundError, IntegrityError
            If a dataset cannot be read.
        """
        edge = self._edge(self._edges, connection, "input")
        declared = cast("Input | PrerequisiteInput", edge.connection)
        refs = self.inputs[connection]
        if len(refs) > 1 and not declared.multiple:
            raise TaskError(
                f"Task '{self.label}' takes one '{edge.dataset_type.name}' through "
                f"connection '{connection}', and {self.data_id} has {len(refs)}, such "
                f"as {refs[0]} and {refs[1]}. Declare the connection with "
                "multiple=True."
            )
        reader = _Reader(self._datastore, self._find, edge.component, edge.converted_to)
        values: list[Any] = [
            DeferredDataset(ref, reader) if declared.deferred else reader.get(ref)
            for ref in refs
        ]
        if declared.multiple:
            return values
        return values[0] if values else None

    def put(self, connection: str, value: Any) -> None:
        """Store an output; for a multiple one, a list in the order of ``outputs``.

        Raises
        ------
        TaskError
            If there is no such output connection, a list has another length, the
            quantum has ended, or this is a process that its task has forked.
        ConflictError
            If it is stored already.
        InvalidInputError
            If the object is not of the storage class.
        """
        self._refuse_forked()
        edge = self._edge(self._outputs, connection, "output")
        refs = self.outputs[connection]
        multiple = cast("DimensionedConnection", edge.connection).multiple
        values = list(value) if multiple else [value]
        if len(values) != len(refs):
            raise TaskError(
                f"Task '{self.label}' stores {len(values)} datasets through "
                f"connection '{connection}', which has {len(refs)} for "
                f"{self.data_id}. Return one for each of 'quantum.outputs'."
            )
        self._claim(connection)
        try:
            for ref, item in zip(refs, values, strict=True):
                self._keep(ref, self._datastore.write(item, ref))
        except BaseException:
            with self._lock:
                self._put.discard(connection)
            raise

    def check_outputs(self) -> None:
        """Refuse what was stored and is not there any more.

        Raises
        ------
        TaskError
            If a file is gone, or has another size than was written.
        """
        for records in tuple(self.written.values()):
            for record, problem in self._datastore.verify(records):
                raise TaskError(lost_file(self._datastore.uri(record), problem))

    def close(self) -> None:
        """Take no more outputs: the quantum has ended."""
        with self._lock:
            self._is_closed = True

    def discard(self) -> None:
        """Remove what was stored, of a quantum that did not succeed."""
        self.close()
        paths = [r.path for records in self.written.values() for r in records]
        self.written.clear()
        self._datastore.delete(paths)

    def _refuse_forked(self) -> None:
        """Store from one process: another would replace the files that it recorded."""
        if os.getpid() != self._owner:
            raise TaskError(
                f"This is a process that task '{self.label}' forked: it cannot store "
                f"outputs for {self.data_id}. Hand them to the process that forked it."
            )

    def _claim(self, connection: str) -> None:
        """Let a connection be stored once, by one thread."""
        with self._lock:
            if self._is_closed:
                raise self._too_late()
            if connection in self._put:
                raise ConflictError(
                    f"Task '{self.label}' stores connection '{connection}' twice for "
                    f"{self.data_id}. Outputs cannot be replaced."
                )
            self._put.add(connection)

    def _keep(self, ref: DatasetRef, records: list[DatastoreRecord]) -> None:
        with self._lock:
            if not self._is_closed:
                self.written[ref] = records
                return
        # The quantum ended while a thread was writing: nothing will record this.
        self._datastore.delete([record.path for record in records])
        raise self._too_late()

    def _too_late(self) -> TaskError:
        return TaskError(
            f"The quantum of '{self.label}' for {self.data_id} has ended: it cannot "
            "store anything more. Wait for threads before 'run_quantum' returns."
        )

    def _find(self, ref: DatasetRef) -> Sequence[DatastoreRecord]:
        """Return the records of an input, looking once."""
        found = self._records.get(ref)
        if found is None:
            found = self.quantum.records.get(ref.id.bytes)
            if found is None:
                found = self._records_of(ref)
            self._records[ref] = found
        return found

    def _edge(self, edges: Mapping[str, Edge], name: str, kind: str) -> Edge:
        edge = edges.get(name)
        if edge is None:
            raise TaskError(
                f"Task '{self.label}' has no {kind} connection '{name}'."
                f"{close_match(name, edges)} It has: {', '.join(edges) or 'none'}."
            )
        return edge


def lost_file(uri: str, problem: str) -> str:
    """Return in a sentence what became of an output that a quantum had stored."""
    return f"Output {uri} is not as it was stored: {problem.rstrip('.')}."


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads datasets of one connection, which may stand for a component."""

    datastore: Datastore
    find: RecordsOf
    component: str | None
    converted_to: StorageClass | None

    def get(
        self,
        ref: DatasetRef,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        storage_class: StorageClass | None = None,
    ) -> Any:
        if storage_class is None and component is None:
            storage_class = self.converted_to
        return self.datastore.read(
            ref,
            self.find(ref),
            component=component or self.component,
            parameters=dict(parameters or {}),
            storage_class=storage_class,
        )
