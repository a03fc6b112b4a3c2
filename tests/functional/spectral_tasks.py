"""Tasks for the universes of the documentation."""

from __future__ import annotations

from typing import Any

import numpy as np

from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, Input, Output, PrerequisiteInput
from pantler.tasks.task import PipelineTask

ARRAY, DICT = "NumpyArray", "StructuredDict"
READOUT = ("exposure", "arm")
FIBRE = ("exposure", "fibre")


class ExtractConnections(Connections, dimensions=READOUT):
    raw = Input("raw", ARRAY, dimensions=READOUT)
    throughput = PrerequisiteInput(
        "throughput", ARRAY, dimensions=("arm",), is_calibration=True
    )
    extracted = Output("extracted", ARRAY, dimensions=READOUT)


class ExtractTask(PipelineTask[TaskConfig]):
    """Divide the counts of each fibre by the throughput of the arm."""

    connections = ExtractConnections

    def run(self, *, raw: Any, throughput: Any) -> dict[str, Any]:
        return {"extracted": raw / throughput}


class JoinArmsConnections(Connections, dimensions=FIBRE):
    extracted = Input(
        "extracted", ARRAY, dimensions=READOUT, multiple=True, deferred=True
    )
    spectrum = Output("spectrum", ARRAY, dimensions=FIBRE)


class JoinArmsTask(PipelineTask[TaskConfig]):
    """Put the arms of a fibre one after another."""

    connections = JoinArmsConnections

    def run_quantum(self, quantum: Any) -> None:
        fibre = int(quantum.data_id["fibre"])
        handles = sorted(
            quantum.get("extracted"), key=lambda h: str(h.ref.data_id["arm"])
        )
        parts = [handle.get()[fibre - 1] for handle in handles]
        quantum.put("spectrum", np.concatenate(parts))


class StackConnections(Connections, dimensions=("target",)):
    spectra = Input("spectrum", ARRAY, dimensions=FIBRE, multiple=True)
    stack = Output("stack", DICT, dimensions=("target",))


class StackTask(PipelineTask[TaskConfig]):
    """Take the mean of all spectra of a target, whatever plate and fibre it had."""

    connections = StackConnections

    def run(self, *, spectra: list[Any]) -> dict[str, Any]:
        mean = np.mean(spectra, axis=0)
        return {"stack": {"count": len(spectra), "flux": mean.tolist()}}


class MapConnections(Connections, dimensions=("healpix3", "channel")):
    frames = Input(
        "frame", DICT, dimensions=("pointing", "array"), multiple=True, deferred=True
    )
    cell = Output("cell", DICT, dimensions=("healpix3", "channel"))


class MapTask(PipelineTask[TaskConfig]):
    """Gather what fell into a cell of the sky in one channel."""

    connections = MapConnections

    def run_quantum(self, quantum: Any) -> None:
        channel = int(quantum.data_id["channel"])
        found = [handle.get() for handle in quantum.get("frames")]
        fluxes = [frame["flux"][channel] for frame in found]
        quantum.put("cell", {"frames": len(fluxes), "flux": sum(fluxes) / len(fluxes)})


class CubeConnections(Connections, dimensions=("healpix3",)):
    cells = Input("cell", DICT, dimensions=("healpix3", "channel"), multiple=True)
    cube = Output("cube", ARRAY, dimensions=("healpix3",))


class CubeTask(PipelineTask[TaskConfig]):
    """Put the channels of a cell together."""

    connections = CubeConnections

    def run(self, *, cells: list[Any]) -> dict[str, Any]:
        return {"cube": np.array([cell["flux"] for cell in cells])}
