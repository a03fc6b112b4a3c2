"""A worker process: runs the quanta that it is sent, and touches no registry."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pantler.config.settings import RepositorySettings
from pantler.errors import PantlerError
from pantler.execution.quantum_runner import QuantumRunner
from pantler.plugins import load_plugin
from pantler.quanta.file import GraphFile

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from pantler.datastores.interface import Datastore

READY: Final = ""
"""What a worker says when it has opened all."""


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """All that a worker has to know, in plain text.

    Parameters
    ----------
    graph
        The path of the graph's file.
    root
        The repository's root.
    settings
        The repository's settings, YAML.
    """

    graph: str
    root: str
    settings: str

    def make_runner(self) -> QuantumRunner:
        """Open the graph and the datastore; both stay open."""
        graph = GraphFile.open(self.graph)
        return QuantumRunner(graph, graph.pipeline(), self.open_datastore())

    def open_datastore(self) -> Datastore:
        """Open the datastore alone."""
        settings = RepositorySettings.from_yaml(self.settings).datastore
        datastore: Datastore = load_plugin("datastores", settings.kind)(
            settings, self.root
        )
        return datastore


def serve(setup: WorkerSetup, connection: Connection) -> None:
    """Run what comes in, until None comes.

    Parameters
    ----------
    setup
        What to open.
    connection
        The name of an error goes out if the setup fails, else `READY`; then lists
        of numbers of quanta come in, and outcomes go out, one at a time.
    """
    # Ctrl-C goes to the whole process group; the parent decides what becomes of us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        runner = setup.make_runner()
    except PantlerError as error:
        connection.send(str(error))
        return
    connection.send(READY)
    while (indices := connection.recv()) is not None:
        for index in indices:
            connection.send(runner.run(index))
