"""What quanta run with: the graph, and where their datasets are."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

from pantler.config.sections import section_from_json
from pantler.execution.log_settings import LogSettings
from pantler.execution.quantum_runner import QuantumRunner
from pantler.plugins import load_plugin
from pantler.quanta.file.reading import GraphFile
from pantler.storage.location import Location

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantler.datastores.interface import Datastore


@dataclass(frozen=True, slots=True)
class Workspace:
    """All that is needed to run quanta, in plain text; no registry.

    Parameters
    ----------
    graph
        The path or the file URI of the graph's file.
    root
        The repository's root.
    datastore
        The settings of the datastore, JSON.
    search_path
        Where Python looks for the code of tasks.
    log
        What of its log a worker writes, and where, as `LogSettings` say it in JSON;
        empty for nothing, since all of it is kept with the outputs.
    """

    graph: str
    root: str
    datastore: str
    search_path: tuple[str, ...] = ()
    log: str = ""

    @classmethod
    def here(cls, graph: str, root: str, datastore: str) -> Self:
        """Return one with the search path and the log settings of this process."""
        log = LogSettings.current()
        return cls(
            graph,
            root,
            datastore,
            tuple(sys.path),
            log.for_worker().to_json() if log else "",
        )

    def make_runner(
        self, graph: GraphFile | None = None, *, stopped: Callable[[], bool]
    ) -> QuantumRunner:
        """Open the graph, unless it is given, and the datastore; both stay open."""
        graph = graph or GraphFile.open(_local(self.graph))
        datastore = self.open_datastore()
        return QuantumRunner(graph, graph.pipeline(), datastore, stopped=stopped)

    def open_datastore(self) -> Datastore:
        """Open the datastore alone."""
        settings = section_from_json("datastore", self.datastore)
        datastore: Datastore = load_plugin("datastores", settings.kind)(
            settings, self.root
        )
        return datastore

    def to_json(self) -> str:
        """Return JSON text from which `from_json` makes an equal one."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return what `to_json` was called on."""
        held = json.loads(text)
        held["search_path"] = tuple(held["search_path"])
        return cls(**held)


def _local(uri: str) -> str:
    return str(Location.parse(uri))
