"""Leases: who is at work in a folder, valid across processes, containers and hosts.

A writer holds a lease: a file in the folder ``.leases``, named by a UUID. Two things
say whether its holder lives. On the kernel that made it, a lock on the file: the
kernel takes it away the moment the holder dies, also as a zombie. From anywhere else,
the file's time of modification, which a thread of the holder renews: it is compared
with the clock of the file system itself, so that hosts need not agree on the time.
Numbers of processes and names of hosts decide nothing; they repeat.
"""

# Strings and os calls, as in `local`.
# ruff: noqa: PTH103, PTH106, PTH108, PTH120, PTH208
from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import json
import os
import socket
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from pantler.storage.os_errors import storage_errors

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

FOLDER: Final = ".leases"
"""Where leases are, below the folder that they are for."""

RENEWAL_S: Final = 10.0
"""How often a holder renews."""

LIFETIME_S: Final = 60.0
"""How old the last renewal may be, where no lock can be asked."""

_NO_LOCKS: Final = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_CLOCK: Final = "clock-"


def is_lease(path: str) -> bool:
    """Whether a path is that of a lease, by its folder."""
    return Path(path).parent.name == FOLDER


class _Held:
    """The file of a lease that this process holds."""

    __slots__ = ("__weakref__", "descriptor", "note", "place")

    def __init__(self, place: str, note: str) -> None:
        self.place = place
        self.note = note
        self.descriptor = _make_with_folder(place, note)

    def renew(self) -> None:
        """Set the time of modification; make the file again if somebody removed it."""
        if self.descriptor < 0:
            return
        try:
            # Without a time, so that the file system's clock is used.
            os.utime(self.place)
        except FileNotFoundError:
            # Not its folder: where that is gone, all is gone that it could protect.
            with contextlib.suppress(OSError):
                made = _make(self.place, self.note)
                before, self.descriptor = self.descriptor, made
                os.close(before)
        except OSError:
            pass  # the next renewal may do: there is time for five

    def end(self) -> None:
        """Remove the file, then the lock."""
        if self.descriptor < 0:
            return
        with contextlib.suppress(OSError):
            os.unlink(self.place)
            os.rmdir(os.path.dirname(self.place))  # unless there are others
        self.forget()

    def forget(self) -> None:
        """Let go of the descriptor, and so of the lock if nobody else has it."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)


class _Keeper:
    """Renews all leases of this process, in one thread that starts with the first."""

    def __init__(self) -> None:
        self._held: set[_Held] = set()
        # Reentrant, because the garbage collector may end a lease at any time.
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None

    def add(self, held: _Held) -> None:
        with self._lock:
            self._held.add(held)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._renew_for_ever, name="pantler-leases", daemon=True
                )
                self._thread.start()

    def end(self, held: _Held) -> None:
        with self._lock:
            self._held.discard(held)
            held.end()

    def renew_all(self) -> None:
        for held in list(self._held):
            with self._lock:
                held.renew()

    def forget_all(self) -> None:
        """After a fork, in the child: the leases are the parent's.

        A lock lasts while any process has its descriptor, so the child's must go.
        """
        for held in self._held:
            held.forget()

    def _renew_for_ever(self) -> None:
        while True:
            time.sleep(RENEWAL_S)
            self.renew_all()


_keeper = _Keeper()


def _start_anew() -> None:
    global _keeper  # noqa: PLW0603 - its lock may be held by a thread that is gone
    _keeper.forget_all()
    _keeper = _Keeper()


os.register_at_fork(after_in_child=_start_anew)


def _end(held: _Held) -> None:
    _keeper.end(held)


class Lease:
    """A lease that this process holds, until it is released, forgotten or dies.

    Use it as a context, or keep it: it ends with the object, and with the process.
    A forked child does not hold its parent's leases (`is_held` is then false).

    Parameters
    ----------
    folder
        What is worked in; made when it is not there.
    what
        What is being done, for people: ``"run u/me/night1"``.

    Raises
    ------
    AccessError, StorageError
        If nothing can be written there.
    """

    __slots__ = ("__weakref__", "_finalizer", "_held", "folder", "id", "what")

    def __init__(self, folder: str | Path, what: str) -> None:
        self.folder = os.fspath(folder)
        self.what = what
        self.id = uuid4().hex
        place = f"{self.folder}/{FOLDER}/{self.id}"
        with storage_errors("write", place):
            self._held = _Held(place, _note(what))
        _keeper.add(self._held)
        self._finalizer = weakref.finalize(self, _end, self._held)

    @classmethod
    def hold(cls, folder: str | Path, what: str) -> Self:
        """Return a new lease; ``with Lease.hold(folder, "run x"):`` reads well."""
        return cls(folder, what)

    @property
    def is_held(self) -> bool:
        """Whether this process still holds it."""
        return self._held.descriptor >= 0

    def release(self) -> None:
        """End the lease; a second time does nothing."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


@dataclass(frozen=True, slots=True)
class LeaseNote:
    """What the file of a lease says.

    Parameters
    ----------
    id
        Its UUID, in hexadecimal digits.
    what
        What its holder is doing.
    host
        Where, for people only.
    started
        When, UTC, ISO 8601.
    is_live
        Whether the holder lives.
    """

    id: str
    what: str
    host: str
    started: str
    is_live: bool


class LeaseBook:
    """The leases of a folder, as they are now; make a new one to look again.

    Parameters
    ----------
    folder
        What is worked in; not the folder ``.leases`` itself.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = f"{os.fspath(folder)}/{FOLDER}"
        self._notes: dict[str, LeaseNote | None] = {}
        self._now: float | None = None

    def is_live(self, lease_id: str) -> bool:
        """Whether the holder of a lease lives; false if there is no such lease."""
        note = self.find(lease_id)
        return note is not None and note.is_live

    def find(self, lease_id: str) -> LeaseNote | None:
        """Return what a lease says, or None if there is none of that ID."""
        if lease_id not in self._notes:
            self._notes[lease_id] = self._read(lease_id)
        return self._notes[lease_id]

    def all(self) -> list[LeaseNote]:
        """Return all leases, those of the dead too, in the order of their starts."""
        with storage_errors("list", self._folder):
            try:
                names = os.listdir(self._folder)
            except (FileNotFoundError, NotADirectoryError):
                return []
        found = [self.find(name) for name in names if not name.startswith(_CLOCK)]
        return sorted(filter(None, found), key=lambda note: (note.started, note.id))

    def live(self) -> list[LeaseNote]:
        """Return the leases whose holders live."""
        return [note for note in self.all() if note.is_live]

    def remove(self, lease_id: str) -> None:
        """Remove the file of a lease whose holder is dead."""
        with (
            storage_errors("delete", f"{self._folder}/{lease_id}"),
            contextlib.suppress(FileNotFoundError),
        ):
            os.unlink(f"{self._folder}/{lease_id}")

    def now(self) -> float:
        """Return the time by the clock of the file system, Unix seconds.

        Somebody who may only read gets the clock of this host: good enough to show,
        and nothing is ever removed by it.
        """
        if self._now is None:
            self._now = self._ask_clock()
        return self._now

    def _ask_clock(self) -> float:
        place = f"{self._folder}/{_CLOCK}{uuid4().hex}"
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        try:
            descriptor = os.open(place, flags, 0o666)
        except OSError:
            return time.time()
        try:
            os.unlink(place)
            return os.fstat(descriptor).st_mtime
        finally:
            os.close(descriptor)

    def _read(self, lease_id: str) -> LeaseNote | None:
        try:
            # Opening makes a network file system ask its server, which a stat of
            # cached attributes does not.
            descriptor = os.open(f"{self._folder}/{lease_id}", os.O_RDONLY)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENOTDIR}:
                return None
            # It is there: nobody who cannot read it may call its holder dead.
            return LeaseNote(lease_id, "unknown", "unknown", "", is_live=True)
        try:
            said = _parse(os.read(descriptor, 65536))
            return LeaseNote(
                lease_id,
                str(said.get("what", "unknown")),
                str(said.get("host", "unknown")),
                str(said.get("started", "")),
                is_live=self._is_live(descriptor, said),
            )
        finally:
            os.close(descriptor)

    def _is_live(self, descriptor: int, said: dict[str, object]) -> bool:
        # The note is written after the lock is had: whoever can read it can ask.
        if said.get("locked") is True and said.get("boot") == _boot_id() is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError:
                pass  # a file system without locks: the clock decides
            else:
                return False
        return self.now() - os.fstat(descriptor).st_mtime < LIFETIME_S


def _make_with_folder(place: str, note: str) -> int:
    """Make the file of a lease, and its folder, which others remove when empty."""
    while True:
        try:
            return _make(place, note)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(place), exist_ok=True)


def _make(place: str, note: str) -> int:
    """Make the file of a lease, lock it, and only then write what it is."""
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC
    descriptor = os.open(place, flags, 0o666)
    try:
        locked = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            locked = False
        text = note if locked else note.replace('"locked": true', '"locked": false')
        os.write(descriptor, text.encode())
    except BaseException:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            os.unlink(place)
        raise
    return descriptor


def _note(what: str) -> str:
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    note = {
        "locked": True,
        "boot": _boot_id(),
        "host": socket.gethostname(),
        "started": started,
        "what": what,
    }
    return json.dumps(note) + "\n"


def _parse(text: bytes) -> dict[str, object]:
    """Return what a note says; nothing if it is not yet written, or is broken."""
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


@functools.cache
def _boot_id() -> str | None:
    """Return what tells this boot of this kernel from all others, or None.

    Containers of one kernel share it, and so its locks.

    References
    ----------
    .. [1] random(4): ``/proc/sys/kernel/random/boot_id``.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return None
