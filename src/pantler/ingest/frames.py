"""Raw files on disk: found, their headers read and translated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pantler.errors import HeaderError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pantler.instruments.instrument import Instrument
    from pantler.instruments.observation import Observation

SUFFIXES: Final = (
    ".fits", ".fit", ".fts", ".fz", ".fits.gz", ".fit.gz", ".fts.gz",
)  # fmt: skip
"""Endings, in lower case, of the files that are looked for in folders."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A raw file and what its header says."""

    path: Path
    observation: Observation


def find_files(locations: Iterable[Path]) -> list[Path]:
    """Return the files to ingest, each once.

    Parameters
    ----------
    locations
        Files, which are taken as they are, also if they do not exist; and folders,
        searched to the bottom for names that end in `SUFFIXES` and are not hidden.
    """
    found: dict[Path, None] = {}
    for location in locations:
        if not location.is_dir():
            found[location] = None
            continue
        inside = (
            path
            for path in location.rglob("*")
            if path.name.lower().endswith(SUFFIXES)
            and not path.name.startswith(".")
            and path.is_file()
        )
        found.update(dict.fromkeys(sorted(inside)))
    return list(found)


def read_frame(path: Path, instrument: Instrument) -> Frame:
    """Return what the header of a raw file says.

    Raises
    ------
    HeaderError
        If the file is not there, is no whole frame, holds frames of several
        detectors, or its header cannot be translated.
    """
    if not path.is_file():
        raise HeaderError(f"{path} is no file.")
    headers = instrument.raw_headers(path)
    if len(headers) != 1:
        raise HeaderError(
            f"{path} holds {len(headers)} images; one file of each detector is needed. "
            "Split it first."
        )
    observation = instrument.translate(headers[0])
    try:
        instrument.check(observation)
    except HeaderError as error:
        raise HeaderError(f"{path}: {error}") from None
    return Frame(path, observation)
