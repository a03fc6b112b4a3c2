"""Runs one quantum of a graph: the same code in a worker and in process."""

from __future__ import annotations

import errno
import functools
import platform
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from resource import RUSAGE_SELF, getrusage  # by name: tasks replace what modules hold
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any, Final

from pantler.errors import PantlerError
from pantler.execution.context import GraphQuantumContext
from pantler.execution.forking import in_this_process_alone
from pantler.execution.log_capture import LogCapture, capture_log, format_trace
from pantler.execution.outcome import (
    Fault,
    PackedOutput,
    QuantumOutcome,
    QuantumStatus,
    StoredOutput,
)
from pantler.execution.plain_values import (
    class_name,
    plain_repr,
    plain_text,
    plain_value,
)
from pantler.execution.task_maker import TaskMaker
from pantler.plugins import load_plugin
from pantler.tasks.task import NoWork

if TYPE_CHECKING:
    from pantler.datasets.ref import DatasetRef
    from pantler.datastores.interface import Datastore
    from pantler.formatters.interface import BytesFormatter
    from pantler.pipelines.graph import PipelineGraph
    from pantler.quanta.file.reading import GraphFile
    from pantler.quanta.quantum import Quantum
    from pantler.tasks.task import PipelineTask

_LOGGER: Final = "pantler.execution"
_MOST_METADATA: Final = 16_000_000
_LACKS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EFBIG)
"""What the system says when a process has used up what it may have."""

_MOST_CAUSES: Final = 20


@dataclass(slots=True)
class _Attempt:
    """What a quantum did: how it ended, and what its task noted."""

    status: QuantumStatus = QuantumStatus.DONE
    reason: str = ""
    fault: Fault | None = None
    metadata: object = field(default_factory=dict)

    @property
    def message(self) -> str:
        return self.reason if self.fault is None else str(self.fault)


class QuantumRunner:
    """Runs quanta one after another; each task is constructed once.

    Parameters
    ----------
    graph
        The file of the graph.
    pipeline
        Its pipeline.
    datastore
        Where inputs are and outputs go.
    stopped
        Whether we have been asked to stop: a KeyboardInterrupt is then for us, and
        otherwise an error of the task like any other.

    Attributes
    ----------
    is_exhausted
        Whether a quantum failed because this process has used up its memory,
        descriptors or the like: the next is better run by another process.
    """

    def __init__(
        self,
        graph: GraphFile,
        pipeline: PipelineGraph,
        datastore: Datastore,
        *,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._graph = graph
        self._pipeline = pipeline
        self._datastore = datastore
        self._stopped = stopped
        self._tasks = TaskMaker(graph.outline, pipeline, datastore)
        self._host = platform.node()
        self.is_exhausted = False

    def quantum(self, index: int) -> Quantum:
        """Read the part of the graph that says what a quantum is.

        Raises
        ------
        StorageError, IntegrityError
            If it cannot be read.
        """
        return self._graph.quantum(index)

    def run(self, quantum: Quantum) -> QuantumOutcome:
        """Run one quantum; whatever its task does becomes part of the outcome.

        Raises
        ------
        KeyboardInterrupt
            If we have been asked to stop; what the quantum stored is removed.
        """
        node = self._pipeline.tasks[quantum.label]
        context = GraphQuantumContext(quantum, node, self._datastore)
        usage = _Usage()
        try:
            with capture_log(f"pantler.task.{quantum.label}") as log:
                attempt = self._attempt(quantum, context, log)
        except KeyboardInterrupt:
            context.discard()
            raise
        if self._stopped():  # the task has swallowed the interrupt
            context.discard()
            raise KeyboardInterrupt
        facts: dict[str, object] = {
            "quantum": {
                "task": quantum.label,
                "data_id": dict(quantum.data_id),
                "status": attempt.status.value,
                "message": attempt.message,
                "host": self._host,
                **usage.facts(),
            },
            "task": attempt.metadata,
            "outputs": [str(ref) for ref in context.written],
        }
        metadata = _packed_metadata(quantum.metadata_ref, facts, log)
        return QuantumOutcome(
            quantum.index,
            quantum.label,
            attempt.status,
            attempt.reason,
            attempt.fault,
            usage.seconds,
            stored=_stored(context),
            packed=(_packed(quantum.log_ref, log.entries), metadata),
        )

    def _attempt(
        self, quantum: Quantum, context: GraphQuantumContext, log: LogCapture
    ) -> _Attempt:
        attempt = _Attempt()
        try:
            with in_this_process_alone():
                task, metadata = self._tasks.prepared(quantum.label)
                attempt.metadata = metadata
                try:
                    context.check_inputs()
                    task.run_quantum(context)
                    context.check_outputs()
                finally:
                    attempt.metadata = _metadata(task)
        except NoWork as reason:
            attempt.status, attempt.reason = QuantumStatus.NO_WORK, plain_text(reason)
            message = f"No work for '{quantum.label}': {attempt.reason}"
            log.note("INFO", _LOGGER, message)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and self._stopped():
                raise
            attempt.status, attempt.fault = QuantumStatus.FAILED, make_fault(error)
            self.is_exhausted |= _lacks_resources(error)
            message = f"Task '{quantum.label}' failed on {quantum.data_id}"
            log.note("ERROR", _LOGGER, message, trace=attempt.fault.trace)
        context.close()
        if attempt.status is not QuantumStatus.DONE:
            _discard(context, log)
        return attempt


class _Usage:
    """Time and memory that a quantum takes."""

    def __init__(self) -> None:
        self._began = datetime.now(UTC)
        self._clock = perf_counter()
        self._cpu = process_time()
        self.seconds = 0.0

    def facts(self) -> dict[str, object]:
        peak = getrusage(RUSAGE_SELF).ru_maxrss
        self.seconds = round(perf_counter() - self._clock, 6)
        return {
            "began_utc": self._began.isoformat(),
            "seconds": self.seconds,
            "cpu_s": round(process_time() - self._cpu, 6),
            "process_peak_memory_kib": peak,
        }


def make_fault(error: BaseException) -> Fault:
    """Return why a quantum failed, with the line of code that raised the error."""
    place = ""
    with suppress(Exception):
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = plain_text(f"{frame.filename}:{frame.lineno}")
    return Fault(class_name(error), plain_text(error), place, trace=format_trace(error))


def _lacks_resources(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that something is used up."""
    for _ in range(_MOST_CAUSES):
        if isinstance(error, MemoryError):
            return True
        if isinstance(error, OSError) and error.errno in _LACKS:
            return True
        try:
            error = error and (error.__cause__ or error.__context__)
        except Exception:  # noqa: BLE001 - a border: properties of a task's error
            return False
    return False


def _metadata(task: PipelineTask[Any]) -> object:
    try:
        return task.metadata
    except Exception:  # noqa: BLE001 - a border: a task may have deleted it
        return None


def death_outcome(quantum: Quantum, message: str) -> QuantumOutcome:
    """Return the outcome of a quantum whose process died, with a log that says so."""
    return failed_outcome(quantum, Fault("Died", message))


def failed_outcome(quantum: Quantum, fault: Fault) -> QuantumOutcome:
    """Return the outcome of a quantum of which only a fault is known: its log."""
    log = LogCapture()
    log.note("ERROR", _LOGGER, str(fault))
    return QuantumOutcome(
        quantum.index,
        quantum.label,
        QuantumStatus.FAILED,
        fault=fault,
        packed=(_packed(quantum.log_ref, log.entries),),
    )


def _discard(context: GraphQuantumContext, log: LogCapture) -> None:
    """Remove what was stored; if that fails, it is found as files without records."""
    try:
        context.discard()
    except PantlerError as error:
        message = f"What it stored could not be removed: {plain_text(error)}"
        log.note("WARNING", _LOGGER, message)


def _stored(context: GraphQuantumContext) -> tuple[StoredOutput, ...]:
    return tuple(
        StoredOutput(
            ref.dataset_type.name,
            ref.data_id.required_values,
            ref.id.bytes,
            tuple(records),
        )
        for ref, records in context.written.items()
    )


def _packed(ref: DatasetRef, value: object) -> PackedOutput:
    storage_class = ref.dataset_type.load_storage_class()
    formatter = _formatter(storage_class.formatter)
    return PackedOutput(
        ref.dataset_type.name,
        ref.data_id.required_values,
        ref.id.bytes,
        formatter.to_bytes(value, storage_class),
    )


def _packed_metadata(
    ref: DatasetRef, facts: dict[str, object], log: LogCapture
) -> PackedOutput:
    """Return metadata as bytes; what a task noted that has none, as text.

    A quantum that has done its work is not lost for a note about it.
    """
    noted = facts["task"]
    try:
        if type(noted) is dict:
            return _bounded(ref, facts)
        problem = f"They are {plain_repr(noted)}, not a dictionary."
    except Exception as error:  # noqa: BLE001 - a border: what a task has noted
        problem = plain_text(error)
    message = f"Some metadata of the task are kept as text. {problem}"
    log.note("WARNING", _LOGGER, message)
    kept = plain_value(noted) if isinstance(noted, Mapping) else {}
    return _bounded(ref, facts | {"task": kept})


def _bounded(ref: DatasetRef, facts: dict[str, object]) -> PackedOutput:
    packed = _packed(ref, facts)
    size = len(packed.content)
    if size <= _MOST_METADATA:
        return packed
    left_out = {"left_out": f"{size} bytes, more than {_MOST_METADATA}"}
    return _packed(ref, facts | {"task": left_out, "outputs": []})


@functools.cache
def _formatter(name: str) -> BytesFormatter:
    made: BytesFormatter = load_plugin("formatters", name)()
    return made
