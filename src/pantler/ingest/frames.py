"""Raw files on disk: found, their headers read and translated."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pantler.errors import HeaderError, PantlerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pantler.instruments.instrument import Instrument
    from pantler.instruments.observation import Observation

SUFFIXES: Final = (
    ".fz",
    *(
        f".{kind}{packed}"
        for kind in ("fits", "fit", "fts")
        for packed in ("", ".gz", ".bz2", ".xz")
    ),
)
"""Endings, in lower case, of the files that are looked for in folders."""

# What a translator, which others write, makes of values that nobody expected.
_UNTRANSLATABLE: Final = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
)


_MOST_KEYS: Final = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """A raw file and what its header says."""

    path: Path
    observation: Observation


def find_files(
    locations: Iterable[Path],
    on_unreadable: Callable[[Path, str], None] | None = None,
) -> list[Path]:
    """Return the files to ingest, each once.

    Parameters
    ----------
    locations
        Files, which are taken as they are, also if they do not exist; and folders,
        searched to the bottom for names that end in `SUFFIXES` and are not hidden.
        Links to folders within them are not followed.
    on_unreadable
        Called with each folder that cannot be searched, and the reason.
    """

    def complain(error: OSError) -> None:
        if on_unreadable is not None:
            reason = f"{error.filename} cannot be searched: {error.strerror}."
            on_unreadable(Path(error.filename), reason)

    found: dict[Path, None] = {}
    for location in locations:
        if not location.is_dir():
            found[location] = None
            continue
        inside = [
            Path(folder, name)
            for folder, _, names in os.walk(location, onerror=complain)
            for name in names
            if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        ]
        # A link that leads nowhere is a frame that is missing, and is said to be.
        found.update(
            dict.fromkeys(sorted(p for p in inside if p.is_file() or not p.exists()))
        )
    return list(found)


class _Asked(Mapping[str, object]):
    """The values of a header, which notes the keys that a translator looks for."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values
        self._keys: dict[str, bool] = {}

    def __getitem__(self, key: str) -> object:
        self._keys[key] = key in self._values
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __str__(self) -> str:
        """Return the last keys in a sentence with a leading space; empty for none."""
        last = list(self._keys.items())[-_MOST_KEYS:]
        said = [key if there else f"{key} (not there)" for key, there in last]
        return f" Header keys that it looked for last: {', '.join(said)}." * bool(said)


def _place(error: Exception, instrument: Instrument) -> str:
    """Return the line of the translator at which an error was raised, in brackets.

    Of the lines that it went through, the last in the module of the instrument.
    """
    file = getattr(sys.modules.get(type(instrument).__module__), "__file__", None)
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == file
    ]
    return f" ({file}, line {lines[-1]})" if lines else ""


def read_frame(path: Path, instrument: Instrument) -> Frame:
    """Return what the header of a raw file says.

    Raises
    ------
    HeaderError
        If the file is not there, is not a whole frame, holds frames of several
        detectors, or its header cannot be translated.
    """
    if not path.is_file():
        raise HeaderError(f"{path} is not a file.")
    headers = instrument.raw_headers(path)
    if len(headers) != 1:
        raise HeaderError(
            f"{path} holds {len(headers)} images, and a raw frame is one detector in a "
            "file of its own. Split it: docs/how-to/add-an-instrument.md shows how."
        )
    asked = _Asked(headers[0].values)
    try:
        observation = instrument.translate(replace(headers[0], values=asked))
    except _UNTRANSLATABLE as error:
        if isinstance(error, PantlerError):
            raise
        raise HeaderError(
            f"{path}: the header cannot be translated by '{instrument.name}': "
            f"{type(error).__name__}: {error}{_place(error, instrument)}.{asked}"
        ) from error
    try:
        instrument.check(observation)
    except HeaderError as error:
        raise HeaderError(f"{path}: {error}") from None
    return Frame(path, observation)
