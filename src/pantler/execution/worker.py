"""A worker process: runs the quanta that it is sent, and touches no registry."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pantler.config.sections import section_from_json
from pantler.errors import PantlerError
from pantler.execution.quantum_runner import QuantumRunner
from pantler.plugins import load_plugin
from pantler.quanta.file.graph_file import GraphFile

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
    datastore
        The settings of the datastore, JSON.
    """

    graph: str
    root: str
    datastore: str

    def make_runner(self) -> QuantumRunner:
        """Open the graph and the datastore; both stay open."""
        graph = GraphFile.open(self.graph)
        return QuantumRunner(graph, graph.pipeline(), self.open_datastore())

    def open_datastore(self) -> Datastore:
        """Open the datastore alone."""
        settings = section_from_json("datastore", self.datastore)
        datastore: Datastore = load_plugin("datastores", settings.kind)(
            settings, self.root
        )
        return datastore


def serve(setup: WorkerSetup, connection: Connection) -> None:
    """Run what comes in, until None comes or the process is told to end.

    Parameters
    ----------
    setup
        What to open.
    connection
        Lists of numbers of quanta come in; `READY` and then outcomes go out, one at
        a time, or an error's text if something other than a task fails.
    """
    # Ctrl-C goes to the whole process group; the parent decides what becomes of us,
    # and says so by SIGTERM, upon which the running quantum removes what it stored.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        runner = setup.make_runner()
        connection.send(READY)
        _work(runner, connection)
    except PantlerError as error:
        connection.send(str(error))
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        return


def _work(runner: QuantumRunner, connection: Connection) -> None:
    pending: deque[int] = deque()
    while True:
        while not pending or connection.poll():
            indices: list[int] | None = connection.recv()
            if indices is None:
                return
            pending.extend(indices)
        connection.send(runner.run(pending.popleft()))


def _die_with_parent() -> None:
    """End this process when its parent has: nobody would record what it makes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
