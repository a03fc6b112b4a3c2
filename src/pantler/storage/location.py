"""Locations: a path of this host, or a URI, as one type."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote, unquote

from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from os import PathLike

# A scheme of two letters at least, so that no drive letter is one.
_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://([^/]*)(/.*)?", re.DOTALL)
_SHORT_FILE: Final = re.compile(r"file:(/[^/].*|/)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Location:
    """A place for bytes, or a folder of such places.

    Parameters
    ----------
    scheme
        ``"file"`` for a path of this host; in lower case.
    authority
        What a URI names between ``//`` and the path: a bucket or host; empty for
        files.
    path
        Absolute, with its characters as they are; without a final slash.

    Examples
    --------
    >>> Location.parse("s3://bucket/night%201/raw").path
    '/night 1/raw'
    >>> Location.parse("night:1/repo").scheme
    'file'
    """

    scheme: str
    authority: str
    path: str

    @classmethod
    def parse(cls, text: str | PathLike[str]) -> Self:
        """Read a URI or a path.

        What does not begin with a scheme and ``://`` (or ``file:/``) is a path,
        whatever colons it has; a relative one is taken from the working folder, and
        ``~`` is the home folder.

        Raises
        ------
        InvalidInputError
            If a ``file:`` URI names another host or a relative path.
        """
        written = os.fspath(text)
        short = _SHORT_FILE.fullmatch(written)
        if short:
            return cls("file", "", _trimmed(unquote(short[1])))
        uri = _URI.fullmatch(written)
        if uri is None:
            # Not resolved: a link in it is how people want to see the place.
            return cls("file", "", str(Path(written).expanduser().absolute()))
        scheme, authority, path = uri[1].lower(), uri[2], unquote(uri[3] or "")
        if scheme == "file":
            if authority not in {"", "localhost"} or not path:
                raise InvalidInputError(
                    f"'{written}' does not name a file of this host. "
                    "Write 'file:///absolute/path'."
                )
            authority = ""
        return cls(scheme, authority, _trimmed(path))

    @property
    def uri(self) -> str:
        """The URI, without a final slash."""
        return f"{self.scheme}://{self.authority}{quote(self.path)}"

    @property
    def is_local(self) -> bool:
        """Whether it is a path of this host."""
        return self.scheme == "file"

    def local_path(self) -> Path:
        """Return the path of a place on this host.

        Raises
        ------
        InvalidInputError
            If it is elsewhere.
        """
        if not self.is_local:
            raise InvalidInputError(f"{self.uri} is not a path of this host.")
        return Path(self.path)

    def join(self, path: str | PathLike[str]) -> Location:
        """Return a place below, or the place itself that an absolute path or URI names.

        Parameters
        ----------
        path
            Relative, with its characters as they are; an absolute path; or a URI.
        """
        written = os.fspath(path)
        if is_uri(written) or written.startswith("/"):
            return Location.parse(written)
        joined = f"{self.path.rstrip('/')}/{written}"
        if self.is_local:
            joined = os.path.normpath(joined)
        return Location(self.scheme, self.authority, _trimmed(joined))

    @property
    def parent(self) -> Location:
        """The folder that holds it."""
        above = self.path.rpartition("/")[0] or "/"
        return Location(self.scheme, self.authority, above)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def __str__(self) -> str:
        return self.path if self.is_local else self.uri


def is_uri(text: str) -> bool:
    """Whether text is a URI, not a path."""
    return ":/" in text and bool(_URI.fullmatch(text) or _SHORT_FILE.fullmatch(text))


def _trimmed(path: str) -> str:
    return path.rstrip("/") or path[:1]
