"""What a store of objects has to do, so that `ObjectStorage` can do the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pantler.storage.interface import Capability


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store says of an object.

    Parameters
    ----------
    key
        Its name within the store.
    size_bytes
        Its size.
    modified_s
        When it was written, by the store's clock, Unix seconds; None if it is not
        said.
    """

    key: str
    size_bytes: int
    modified_s: float | None


class ObjectClient(Protocol):
    """Requests to one bucket, server or share.

    Keys are relative, with their characters as they are. Each method is one attempt and
    raises `RequestError`, except `pages`, which tries each page again by itself.
    Methods are called from many threads at once.
    """

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What storage on it can do."""
        ...

    @property
    def leaves_unfinished(self) -> bool:
        """Whether a killed writer leaves objects that are named as unfinished."""
        ...

    def get(self, key: str, offset: int, size: int | None) -> bytes:
        """Return bytes; none if the offset is at or beyond the end."""
        ...

    def head(self, key: str) -> ObjectInfo:
        """Return what there is to say of an object."""
        ...

    def put(self, key: str, data: bytes, *, create: bool) -> None:
        """Make an object visible as a whole; ``taken`` if it was to be new."""
        ...

    def put_file(self, key: str, file: Path) -> None:
        """Make an object of a local file visible as a whole, replacing one."""
        ...

    def pages(self, prefix: str) -> Iterator[Sequence[ObjectInfo]]:
        """Yield all objects below a folder, by the page; the prefix may be empty."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there are no error."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Make an object of another one within the store, replacing one."""
        ...

    def signed_url(
        self, key: str, method: Literal["GET", "PUT"], lifetime_s: float
    ) -> str:
        """Return a URL by which anybody may read or write an object for a while."""
        ...
