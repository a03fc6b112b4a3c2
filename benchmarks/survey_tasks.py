"""The tasks of the benchmark survey: the usual connections, and no work to speak of.

Each task returns a small dictionary for each of its outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, Input, Output, PrerequisiteInput
from pantler.tasks.task import PipelineTask

if TYPE_CHECKING:
    from pantler.tasks.context import QuantumContext

_DICT = "StructuredDict"


class _SmallOutputs(PipelineTask[TaskConfig]):
    """Stores a dictionary of about 100 bytes for each output."""

    def run_quantum(self, quantum: QuantumContext) -> None:
        for name in self.connections.resolve(self.config):
            if name in quantum.inputs:
                quantum.get(name)
        made: dict[str, Any] = {"task": self.label, "filler": "x" * 70}
        for name, refs in quantum.outputs.items():
            quantum.put(name, made if len(refs) == 1 else [made] * len(refs))


class IsrConnections(Connections, dimensions=("exposure", "detector")):
    """Raw frame and bias to reduced frame."""

    raw = Input("raw", _DICT, "A frame.", dimensions=("exposure", "detector"))
    bias = PrerequisiteInput(
        "bias", _DICT, "Its bias.", dimensions=("detector",), is_calibration=True
    )
    reduced = Output(
        "postISRCCD", _DICT, "The frame, reduced.", dimensions=("exposure", "detector")
    )


class Isr(_SmallOutputs):
    """Instrument signature removal."""

    connections = IsrConnections


class CalibrateConnections(Connections, dimensions=("visit", "detector")):
    """Reduced frames to calibrated frame and sources."""

    frames = Input(
        "postISRCCD",
        _DICT,
        "Frames of the visit.",
        dimensions=("exposure", "detector"),
        multiple=True,
    )
    calexp = Output("calexp", _DICT, "Calibrated.", dimensions=("visit", "detector"))
    sources = Output("src", _DICT, "Sources.", dimensions=("visit", "detector"))


class Calibrate(_SmallOutputs):
    """Photometric and astrometric calibration."""

    connections = CalibrateConnections


class SummarizeConnections(Connections, dimensions=("visit",)):
    """Sources of a visit to one table."""

    sources = Input(
        "src", _DICT, "Sources.", dimensions=("visit", "detector"), multiple=True
    )
    summary = Output("visitSummary", _DICT, "Summary.", dimensions=("visit",))


class Summarize(_SmallOutputs):
    """Summary of a visit."""

    connections = SummarizeConnections


class WarpConnections(Connections, dimensions=("tract", "patch", "visit")):
    """Calibrated frames of a visit to an image on the grid of a patch."""

    calexps = Input(
        "calexp", _DICT, "Frames.", dimensions=("visit", "detector"), multiple=True
    )
    summary = Input("visitSummary", _DICT, "Summary.", dimensions=("visit",))
    warp = Output("warp", _DICT, "Resampled.", dimensions=("tract", "patch", "visit"))


class Warp(_SmallOutputs):
    """Resampling."""

    connections = WarpConnections


class CoaddConnections(Connections, dimensions=("tract", "patch", "band")):
    """Warps of a band to a coadd."""

    warps = Input(
        "warp", _DICT, "Warps.", dimensions=("tract", "patch", "visit"), multiple=True
    )
    coadd = Output("coadd", _DICT, "The coadd.", dimensions=("tract", "patch", "band"))


class Coadd(_SmallOutputs):
    """Coaddition."""

    connections = CoaddConnections


class DetectConnections(Connections, dimensions=("tract", "patch", "band")):
    """A coadd to detections."""

    coadd = Input("coadd", _DICT, "The coadd.", dimensions=("tract", "patch", "band"))
    detections = Output(
        "detections", _DICT, "Detections.", dimensions=("tract", "patch", "band")
    )


class Detect(_SmallOutputs):
    """Detection."""

    connections = DetectConnections


class MergeConnections(Connections, dimensions=("tract", "patch")):
    """Detections of all bands to one catalog."""

    detections = Input(
        "detections",
        _DICT,
        "Detections.",
        dimensions=("tract", "patch", "band"),
        multiple=True,
    )
    merged = Output("merged", _DICT, "The catalog.", dimensions=("tract", "patch"))


class Merge(_SmallOutputs):
    """Merging."""

    connections = MergeConnections
