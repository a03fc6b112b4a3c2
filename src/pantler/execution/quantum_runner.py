"""Runs one quantum of a graph: the same code in a worker and in process."""

from __future__ import annotations

import functools
import logging
import platform
import resource
import time
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pantler.errors import InvalidInputError
from pantler.execution.context import GraphQuantumContext
from pantler.execution.log_capture import LogCapture, capture_log
from pantler.execution.outcome import (
    PackedOutput,
    QuantumOutcome,
    QuantumStatus,
    StoredOutput,
)
from pantler.execution.task_maker import TaskMaker
from pantler.plugins import load_plugin
from pantler.tasks.task import NoWork

if TYPE_CHECKING:
    from pantler.datasets.ref import DatasetRef
    from pantler.datastores.interface import Datastore
    from pantler.formatters.interface import BytesFormatter
    from pantler.pipelines.graph import PipelineGraph
    from pantler.quanta.file.graph_file import GraphFile
    from pantler.quanta.quantum import Quantum

_LOG = logging.getLogger("pantler.execution")


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
    """

    def __init__(
        self, graph: GraphFile, pipeline: PipelineGraph, datastore: Datastore
    ) -> None:
        self._graph = graph
        self._pipeline = pipeline
        self._datastore = datastore
        self._tasks = TaskMaker(graph.outline, pipeline, datastore)
        self._host = platform.node()

    def run(self, index: int) -> QuantumOutcome:
        """Run one quantum; an error of the task becomes part of the outcome."""
        quantum = self._graph.quantum(index)
        context = GraphQuantumContext(
            quantum, self._pipeline.tasks[quantum.label], self._datastore
        )
        usage = _Usage()
        with capture_log() as log:
            status, message, metadata = self._attempt(quantum, context)
            facts: dict[str, object] = {
                "quantum": {
                    "task": quantum.label,
                    "data_id": dict(quantum.data_id),
                    "status": status.value,
                    "message": message,
                    "host": self._host,
                    **usage.facts(),
                },
                "task": metadata,
                "outputs": [str(ref) for ref in context.written],
            }
            packed_metadata = _packed_metadata(quantum.metadata_ref, facts)
        stored = tuple(
            StoredOutput(
                ref.dataset_type.name,
                ref.data_id.required_values,
                ref.id.bytes,
                tuple(records),
            )
            for ref, records in context.written.items()
        )
        return QuantumOutcome(
            index,
            quantum.label,
            status,
            message,
            stored=stored,
            packed=(_packed(quantum.log_ref, log.entries), packed_metadata),
        )

    def _attempt(
        self, quantum: Quantum, context: GraphQuantumContext
    ) -> tuple[QuantumStatus, str, dict[str, Any]]:
        metadata: dict[str, Any] = {}
        try:
            task = self._tasks.task(quantum.label)
            task.metadata.clear()
            metadata = task.metadata
            context.check_inputs()
            task.run_quantum(context)
        except NoWork as reason:
            _LOG.info("No work for '%s': %s", quantum.label, reason)
            context.discard()
            return QuantumStatus.NO_WORK, str(reason), dict(metadata)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a border: a task's run
            _LOG.exception("Task '%s' failed on %s", quantum.label, quantum.data_id)
            context.discard()
            return QuantumStatus.FAILED, _where(error), dict(metadata)
        except KeyboardInterrupt:
            context.discard()
            raise
        return QuantumStatus.DONE, "", dict(metadata)


class _Usage:
    """Time and memory that a quantum takes."""

    def __init__(self) -> None:
        self._began = datetime.now(UTC)
        self._clock = time.perf_counter()
        self._cpu = time.process_time()

    def facts(self) -> dict[str, object]:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "began_utc": self._began.isoformat(),
            "seconds": round(time.perf_counter() - self._clock, 6),
            "cpu_s": round(time.process_time() - self._cpu, 6),
            "process_peak_memory_kib": peak,
        }


def _packed(ref: DatasetRef, value: object) -> PackedOutput:
    storage_class = ref.dataset_type.load_storage_class()
    formatter = _formatter(storage_class.formatter)
    return PackedOutput(
        ref.dataset_type.name,
        ref.data_id.required_values,
        ref.id.bytes,
        formatter.to_bytes(value, storage_class),
    )


def _packed_metadata(ref: DatasetRef, facts: dict[str, object]) -> PackedOutput:
    """Return metadata as bytes; what a task noted that has none, as text.

    A quantum that has done its work is not lost for a note about it.
    """
    try:
        return _packed(ref, facts)
    except InvalidInputError as error:
        _LOG.warning("Metadata of the task are kept as text. %s", error)
        return _packed(ref, facts | {"task": repr(facts["task"])})


@functools.cache
def _formatter(name: str) -> BytesFormatter:
    made: BytesFormatter = load_plugin("formatters", name)()
    return made


def death_outcome(quantum: Quantum, message: str) -> QuantumOutcome:
    """Return the outcome of a quantum whose process died, with a log that says so."""
    capture = LogCapture()
    capture.emit(
        logging.LogRecord(_LOG.name, logging.ERROR, "", 0, message, None, None)
    )
    return QuantumOutcome(
        quantum.index,
        quantum.label,
        QuantumStatus.FAILED,
        message,
        packed=(_packed(quantum.log_ref, capture.entries),),
    )


def _where(error: BaseException) -> str:
    """Return an error in a line, with the line of code that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
