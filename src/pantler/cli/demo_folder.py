"""The folder of a demo: marked before anything is made, emptied of that and no more."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from pantler.errors import AccessError, ConflictError

if TYPE_CHECKING:
    from pathlib import Path

MARKER: Final = ".pantler-demo.json"
"""The file that says whose folder it is, and lists what was made there."""

_PICTURES: Final = frozenset({"coadd.png", "pipeline.svg"})
_OF_DATABASE: Final = ("-wal", "-shm", "-journal")
# What the repository keeps of those at work: it comes and goes with readers too.
_PASSING: Final = ("repo/running", "repo/.leases", "repo/datasets/.leases")

_State = tuple[int, int]  # size in bytes, and when it was changed in nanoseconds


@dataclass(frozen=True, slots=True)
class _Contents:
    """Paths in a folder, relative to it, with slashes; links are never followed."""

    files: dict[str, _State]
    folders: set[str]
    others: list[str]  # links, sockets and the like


class DemoFolder:
    """A folder that one demo has for itself.

    Parameters
    ----------
    folder
        Made if need be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._id = ""

    def claim(self, *, force: bool) -> None:
        """Mark the folder as that of a new demo, once it is empty.

        Parameters
        ----------
        force
            Whether a demo that is there is removed first.

        Raises
        ------
        ConflictError
            If a demo is there and ``force`` is not set, or if anything is there that
            no demo made: then nothing is removed.
        """
        if self._folder.exists() and not self._folder.is_dir():
            raise ConflictError(f"'{self._folder}' is a file. Choose a new folder.")
        try:
            if self._folder.exists() and any(self._folder.iterdir()):
                self._clear(force=force)
            self._folder.mkdir(parents=True, exist_ok=True)
            self._id = str(uuid4())
            # Exclusive: of two demos that begin at once, one is refused.
            with (self._folder / MARKER).open("x", encoding="utf-8") as file:
                json.dump({"id": self._id, "files": {}, "folders": []}, file)
        except FileExistsError:
            raise ConflictError(
                f"Another demo has just begun in '{self._folder}'."
            ) from None
        except OSError as error:
            raise AccessError(
                f"'{self._folder}' cannot be used for a demo: {error}."
            ) from error

    def note(self) -> None:
        """List what the demo has made so far in the marker."""
        found = _contents(self._folder)
        made = {
            "id": self._id,
            "files": {p: s for p, s in found.files.items() if _is_of_demo(p)},
            "folders": sorted(p for p in found.folders if _is_of_demo(p)),
        }
        partial = self._folder / f"{MARKER}.new"
        partial.write_text(json.dumps(made, indent=0), "utf-8")
        partial.replace(self._folder / MARKER)

    def _clear(self, *, force: bool) -> None:
        """Remove the demo that is in the folder."""
        marked = self._marked()
        if marked is None:
            raise ConflictError(
                f"Cannot run in '{self._folder}': other files are there, and no demo "
                "was made there. Choose a new folder."
            )
        if not force:
            raise ConflictError(
                f"Cannot run in '{self._folder}': a demo is there. "
                "Add --force to replace it."
            )
        if self._folder.is_symlink():
            raise ConflictError(
                f"'{self._folder}' is a symbolic link, which --force does not follow. "
                "Remove the demo behind it yourself, or choose a new folder."
            )
        found = _contents(self._folder)
        foreign = _foreign(found, marked)
        if foreign:
            raise ConflictError(
                f"Cannot replace the demo in '{self._folder}': other files are "
                f"there that no demo made, or that were changed since ({len(foreign)}, "
                f"such as '{foreign[0]}'). Move them elsewhere or remove them, or "
                "choose a new folder."
            )
        _remove(self._folder, found)

    def _marked(self) -> _Contents | None:
        """Return what the marker lists, None if there is no marker that can be read."""
        marker = self._folder / MARKER
        try:
            if not stat.S_ISREG(marker.lstat().st_mode):
                return None
            listed = json.loads(marker.read_text("utf-8"))
            return _Contents(
                {path: (size, when) for path, (size, when) in listed["files"].items()},
                set(listed["folders"]),
                [],
            )
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, LookupError, AttributeError):
            raise ConflictError(
                f"The marker '{marker}' of a demo is damaged, so it is not known what "
                "the demo made. Remove the folder yourself, or choose a new one."
            ) from None


def _contents(folder: Path) -> _Contents:
    """Return what is in a folder, the marker left out."""
    found = _Contents({}, set(), [])
    for place, _, _, descriptor in os.fwalk(folder, follow_symlinks=False):
        above = os.path.relpath(place, folder)
        with os.scandir(descriptor) as entries:
            for entry in entries:
                path = entry.name if above == os.curdir else f"{above}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    found.folders.add(path)
                elif not entry.is_file(follow_symlinks=False):
                    found.others.append(path)
                elif path not in {MARKER, f"{MARKER}.new"}:
                    seen = entry.stat(follow_symlinks=False)
                    found.files[path] = (seen.st_size, seen.st_mtime_ns)
    return found


def _is_of_demo(path: str) -> bool:
    """Whether a path is one that a demo makes."""
    top, _, rest = path.partition("/")
    if top == "frames":
        return not rest or (rest.startswith("demo_") and rest.endswith(".fits"))
    return top == "repo" or path in _PICTURES


def _foreign(found: _Contents, marked: _Contents) -> list[str]:
    """Return what is there and was not made by the demo, or was changed since."""
    database = {
        path + ending
        for path in marked.files
        if path.count("/") == 1
        for ending in ("", *_OF_DATABASE)
        if path.startswith("repo/")
    }
    files = sorted(
        path
        for path, state in found.files.items()
        if marked.files.get(path) != state
        and path not in database
        and not _is_passing(path)
    )
    foreign = [*files, *found.others]
    folders = sorted(
        path
        for path in found.folders - marked.folders
        if not _is_passing(path)
        and not any(one.startswith(f"{path}/") for one in foreign)
    )
    return [*foreign, *folders]


def _is_passing(path: str) -> bool:
    return any(path == top or path.startswith(f"{top}/") for top in _PASSING)


def _remove(folder: Path, known: _Contents) -> None:
    """Remove files and folders that are known, the marker last; stop at others."""
    for place, folders, files, descriptor in os.fwalk(
        folder, topdown=False, follow_symlinks=False
    ):
        above = os.path.relpath(place, folder)
        for name in files:
            path = name if above == os.curdir else f"{above}/{name}"
            if path in known.files:
                os.unlink(name, dir_fd=descriptor)
        for name in folders:
            os.rmdir(name, dir_fd=descriptor)  # fails if anything came meanwhile
    for name in (f"{MARKER}.new", MARKER):
        (folder / name).unlink(missing_ok=True)
