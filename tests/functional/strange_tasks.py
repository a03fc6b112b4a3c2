"""Tasks that do not fit, are slow, or die."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from typing import Any

from pydantic import Field

import pantler.storage.local as local_storage
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, Input, Output
from pantler.tasks.task import PipelineTask

DICT = "StructuredDict"
FRAME = ("exposure", "detector")


class LoopConnections(Connections, dimensions=FRAME):
    measured = Input("measured", DICT, dimensions=("visit", "detector"), multiple=True)
    raw = Output("raw", DICT, dimensions=FRAME)


class LoopTask(PipelineTask[TaskConfig]):
    """Makes raws of measurements, which are made of raws."""

    connections = LoopConnections


class WrongDimensionsConnections(Connections, dimensions=("visit", "detector")):
    reduced = Input("reduced", DICT, dimensions=("visit", "detector"))
    other = Output("other", DICT, dimensions=("visit", "detector"))


class WrongDimensionsTask(PipelineTask[TaskConfig]):
    """Takes reduced frames for those of visits."""

    connections = WrongDimensionsConnections


class WrongStorageConnections(Connections, dimensions=FRAME):
    reduced = Input("reduced", "Text", dimensions=FRAME)
    other = Output("other", DICT, dimensions=FRAME)


class WrongStorageTask(PipelineTask[TaskConfig]):
    """Takes reduced frames for text."""

    connections = WrongStorageConnections


class TwoConnections(Connections, dimensions=FRAME):
    raw = Input("raw", DICT, dimensions=FRAME)
    one = Output("one", DICT, dimensions=FRAME)
    two = Output("two", DICT, dimensions=FRAME)


class TwoConfig(TaskConfig):
    """What happens, and how fast."""

    pause_s: float = Field(0.0, description="Pause before each output, seconds.")
    strange_on: int | None = Field(None, description="The detector that is special.")
    how: str = Field(
        "killed", description="What happens to it: killed, exit or stubborn."
    )


class TwoTask(PipelineTask[TwoConfig]):
    """Stores a frame twice; may die between, with half a file written."""

    connections = TwoConnections

    def run_quantum(self, quantum: Any) -> None:
        raw = quantum.get("raw")
        for name in ("one", "two"):
            time.sleep(self.config.pause_s)
            if name == "two" and raw["detector"] == self.config.strange_on:
                if self.config.how == "exit":
                    sys.exit("I leave.")
                while self.config.how == "stubborn":
                    with suppress(KeyboardInterrupt):
                        time.sleep(60)
                local_storage._write_fully = _write_half_and_die
            quantum.put(name, {**raw, "filler": "x" * 1000})


def _write_half_and_die(descriptor: int, data: bytes) -> None:
    os.write(descriptor, data[: len(data) // 2])
    os.kill(os.getpid(), signal.SIGKILL)


class AfterConnections(Connections, dimensions=FRAME):
    two = Input("two", DICT, dimensions=FRAME)
    three = Output("three", DICT, dimensions=FRAME)


class AfterTask(PipelineTask[TaskConfig]):
    """Needs what the other stored second."""

    connections = AfterConnections

    def run(self, *, two: dict[str, Any]) -> dict[str, Any]:
        return {"three": two}
