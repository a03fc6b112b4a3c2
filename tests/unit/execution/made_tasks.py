"""Tasks with everything that a connection can be, and notes of who ran where."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
from pydantic import Field

from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import (
    Connections,
    InitInput,
    InitOutput,
    Input,
    Output,
)
from pantler.tasks.task import NoWork, PipelineTask

DICT = "StructuredDict"
FRAME = ("exposure", "detector")


class SourceConnections(Connections, dimensions=FRAME):
    raw = Input("raw", DICT, dimensions=FRAME)
    product = Output("product", DICT, dimensions=FRAME)
    array = Output("array", "NumpyArray", dimensions=FRAME)
    schema = InitOutput("schema", DICT)


class SourceConfig(TaskConfig):
    """Which detectors are special."""

    idle_on: list[int] = Field([], description="Detectors without work.")
    idle_at: list[str] = Field([], description="Places, as '1.0', without work.")
    fail_on: list[int] = Field([], description="Detectors that fail, after a put.")
    pause_s: float = Field(0.0, description="Pause before a failure, seconds.")
    note: str = Field("plain", description="What kind of metadata to keep.")
    say: str = Field("", description="What to log.")


class SourceTask(PipelineTask[SourceConfig]):
    """Says how many instances there are in this process."""

    connections = SourceConnections
    instances = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        SourceTask.instances += 1
        self.schema = {"columns": ["level"]}

    def run_quantum(self, quantum: Any) -> None:
        raw = quantum.get("raw")
        if self.config.say:
            self.log.info(self.config.say)
        place = f"{quantum.data_id['exposure']}.{raw['detector']}"
        if raw["detector"] in self.config.idle_on or place in self.config.idle_at:
            raise NoWork("nothing there")
        self.metadata["strange"] = (
            object() if self.config.note == "strange" else np.float32(1.5)
        )
        quantum.put(
            "product", {**raw, "instances": self.instances, "process": os.getpid()}
        )
        if raw["detector"] in self.config.fail_on:
            time.sleep(self.config.pause_s)
            raise ValueError("bad pixels")
        quantum.put("array", np.arange(raw["level"]))


class SinkConnections(Connections, dimensions=("instrument", "detector")):
    products = Input("product", DICT, dimensions=FRAME, multiple=True, minimum=2)
    arrays = Input(
        "array", "NumpyArray", dimensions=FRAME, multiple=True, deferred=True
    )
    schema = InitInput("schema", DICT)
    total = Output("total", DICT, dimensions=("instrument", "detector"))


class SinkTask(PipelineTask[TaskConfig]):
    """Counts what came, with what the other's constructor made."""

    connections = SinkConnections

    def run(self, *, products: Any, arrays: Any) -> dict[str, Any]:
        sizes = [len(handle.get()) for handle in arrays]
        columns = self.init_inputs["schema"]["columns"]
        return {"total": {"count": len(products), "sizes": sizes, "columns": columns}}
