"""The tasks of the execution benchmark: they copy a dictionary and log two lines."""

from __future__ import annotations

from typing import Any

from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, Input, Output
from pantler.tasks.task import PipelineTask

_DICT = "StructuredDict"
_DIMENSIONS = ("exposure", "detector")


class FirstConnections(Connections, dimensions=_DIMENSIONS):
    """A raw frame to an intermediate product."""

    taken = Input("raw", _DICT, "What comes in.", dimensions=_DIMENSIONS)
    made = Output("between", _DICT, "What goes out.", dimensions=_DIMENSIONS)


class SecondConnections(Connections, dimensions=_DIMENSIONS):
    """An intermediate product to a final one."""

    taken = Input("between", _DICT, "What comes in.", dimensions=_DIMENSIONS)
    made = Output("final", _DICT, "What goes out.", dimensions=_DIMENSIONS)


class First(PipelineTask[TaskConfig]):
    """Copies, and takes notes."""

    connections = FirstConnections

    def run(self, *, taken: dict[str, Any]) -> dict[str, Any]:
        """Return ``made``, equal to ``taken``."""
        self.log.info("Took %d values.", len(taken))
        self.metadata["values"] = len(taken)
        self.log.info("Made %d values.", len(taken))
        return {"made": taken}


class Second(First):
    """The same, of what the first made."""

    connections = SecondConnections
