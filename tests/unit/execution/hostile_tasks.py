"""A task that does to its process, on one detector, what no task should."""

from __future__ import annotations

import builtins
import ctypes
import io
import logging
import logging.config
import math
import os
import pathlib
import resource
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from pantler.errors import TaskError
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, Input, Output
from pantler.tasks.task import PipelineTask

DICT = "StructuredDict"
FRAME = ("exposure", "detector")


class HostileConnections(Connections, dimensions=FRAME):
    raw = Input("raw", DICT, dimensions=FRAME)
    product = Output("product", DICT, dimensions=FRAME)


class HostileConfig(TaskConfig):
    """What is done, and where."""

    how: dict[str, str] = Field(
        {}, description="Names of functions here, by exposure and detector: 'e1d0'."
    )


class HostileTask(PipelineTask[HostileConfig]):
    """Logs a line, notes a number, passes a frame on; and here and there, more."""

    connections = HostileConnections

    def run_quantum(self, quantum: Any) -> None:
        raw = quantum.get("raw")
        self.log.info("Detector %d.", raw["detector"])
        self.metadata["detector"] = raw["detector"]
        where = f"e{quantum.data_id['exposure']}d{raw['detector']}"
        how = self.config.how.get(where, "nothing")
        if how == "child_that_stores_as_well":
            raw = self._forked(raw)
        quantum.put("product", raw)
        self.quantum = quantum
        globals()[how](self)

    def _forked(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Go on in a child too, which comes last and has something else to store."""
        self.child = os.fork()
        if self.child:
            return raw
        time.sleep(0.3)
        return {"level": "the child's", "detector": "the child's"}


class _Unprintable(ValueError):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class _Alien(BaseException):
    pass


class _RaisingHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError(f"not {record.msg}")


def nothing(task: Any) -> None:
    pass


def one_more_note(task: Any) -> None:
    task.metadata["note"] = "of this quantum"


def child_that_stores_as_well(task: Any) -> None:
    os.waitpid(task.child, 0)


def child_that_returns(task: Any) -> None:
    os.fork()


def child_that_raises(task: Any) -> None:
    if os.fork() == 0:
        raise ValueError("in the child")


def child_that_exits(task: Any) -> None:
    if os.fork() == 0:
        sys.exit(3)


def child_that_dies(task: Any) -> None:
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def child_that_outlives_its_parent(task: Any) -> None:
    if os.fork() == 0:
        time.sleep(120)
    os.kill(os.getpid(), signal.SIGKILL)


def child_that_outlives_its_quantum(task: Any) -> None:
    if os.fork() == 0:
        time.sleep(120)


def surrogates_in_error(task: Any) -> None:
    raise ValueError("bad \udc80 file")


def surrogates_in_log(task: Any) -> None:
    task.log.warning("bad %s file", "\udc80")


def surrogates_in_metadata(task: Any) -> None:
    task.metadata["name"] = "\udc80"
    task.metadata["\udc81"] = 1


def huge_integer(task: Any) -> None:
    task.metadata["number"] = 10**5000


def not_a_number(task: Any) -> None:
    task.metadata["number"] = math.nan


def unprintable_metadata(task: Any) -> None:
    task.metadata["odd"] = _Unprintable()


def endless_metadata(task: Any) -> None:
    task.metadata["self"] = task.metadata


def no_metadata(task: Any) -> None:
    task.metadata = None


def metadata_of_another_kind(task: Any) -> None:
    task.metadata = [1, 2]


def unprintable_error(task: Any) -> None:
    raise _Unprintable


def unprintable_log(task: Any) -> None:
    task.log.warning("%s", _Unprintable())


def message_without_arguments(task: Any) -> None:
    task.log.warning("%d %d", 1)  # noqa: PLE1206 - that is the point


def alien_error(task: Any) -> None:
    raise _Alien("from outside")


def keyboard_interrupt(task: Any) -> None:
    raise KeyboardInterrupt


def generator_exit(task: Any) -> None:
    raise GeneratorExit


def raising_handler(task: Any) -> None:
    logging.getLogger().addHandler(_RaisingHandler())
    task.log.warning("one more")


def logging_disabled(task: Any) -> None:
    logging.disable(logging.CRITICAL)


def logging_configured(task: Any) -> None:
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": True})


def exit_by_exception(task: Any) -> None:
    sys.exit("I leave.")


def exit_well(task: Any) -> None:
    os._exit(0)


def exit_badly(task: Any) -> None:
    os._exit(3)


def segmentation_fault(task: Any) -> None:
    ctypes.string_at(0)


def closed_stdout(task: Any) -> None:
    with suppress(OSError, AttributeError):
        sys.stdout.close()
        os.close(1)


def closed_descriptors(task: Any) -> None:
    os.closerange(3, 1000)


def closed_descriptors_and_new_ones(task: Any) -> None:
    os.closerange(3, 1000)
    task.kept = [pathlib.Path(os.devnull).open("wb") for _ in range(50)]  # noqa: SIM115


def put_twice(task: Any) -> None:
    task.quantum.put("product", {"second": 1})


def late_put(task: Any) -> None:
    def put(quantum: Any = task.quantum) -> None:
        time.sleep(0.3)
        with suppress(TaskError):
            quantum.put("product", {"late": 1})

    threading.Thread(target=put, name="late_put").start()


class _Nameless(type):
    @property
    def __name__(cls) -> str:
        raise RuntimeError("no name")


class _Unnamed(Exception, metaclass=_Nameless):
    pass


def unnamed_error(task: Any) -> None:
    raise _Unnamed("without a name")


def strange_clock(task: Any) -> None:
    time.perf_counter = lambda: "late"


def deleted_metadata(task: Any) -> None:
    del task.metadata


def modules_cleared(task: Any) -> None:
    sys.modules.clear()


def no_open(task: Any) -> None:
    builtins.open = io.open = None


def descriptors_used_up(task: Any) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, most))
    task.kept = []
    with suppress(OSError):
        while True:
            task.kept.append(pathlib.Path(os.devnull).open("rb"))  # noqa: SIM115


def too_many_descriptors(task: Any) -> None:
    descriptors_used_up(task)
    task.kept.append(pathlib.Path(os.devnull).open("rb"))  # noqa: SIM115


def no_files_of_any_size(task: Any) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
    pathlib.Path(tempfile.gettempdir(), f"pantler-{os.getpid()}").write_text("x" * 99)


def garbage_in_pipes(task: Any) -> None:
    for descriptor in range(3, 60):
        with suppress(OSError):
            if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                os.write(descriptor, b"\x00\x01garbage\n" * 10)


def _own_file(task: Any) -> pathlib.Path:
    ((record,),) = task.quantum.written.values()
    uri = task.quantum._datastore.uri(record)
    return pathlib.Path(urlsplit(uri).path)


def remove_own_output(task: Any) -> None:
    _own_file(task).unlink()


def remove_the_folder_of_outputs(task: Any) -> None:
    shutil.rmtree(_own_file(task).parent)


def spoil_own_output(task: Any) -> None:
    with _own_file(task).open("a") as file:
        file.write("more")


def remove_output_of_others(task: Any) -> None:
    own = _own_file(task)
    for path in own.parents[2].rglob("product_*"):
        if path != own:
            path.unlink()
