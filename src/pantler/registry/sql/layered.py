"""A dict that is copied at the cost of what changed, not of what is in it."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, Final, Self, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_MOST: Final = 256
"""Changes that are carried along; with more, a copy gets a base of its own."""

_MISSING: Final[Any] = object()
GONE: Final[Any] = object()
"""Stands among the changes for what is in the base no more."""


class LayeredDict(MutableMapping[K, V]):
    """A dict of two layers: a base that copies share and nobody changes, and changes.

    Parameters
    ----------
    base
        What is in it at first; it must not be changed any more.
    """

    __slots__ = ("_base", "_changes")

    def __init__(self, base: dict[K, V] | None = None) -> None:
        self._base: dict[K, V] = {} if base is None else base
        self._changes: dict[K, V] = {}

    def __getitem__(self, key: K) -> V:
        value: V = self._changes.get(key, _MISSING)
        if value is _MISSING:
            return self._base[key]
        if value is GONE:
            raise KeyError(key)
        return value

    def __contains__(self, key: Any) -> bool:
        value = self._changes.get(key, _MISSING)
        return key in self._base if value is _MISSING else value is not GONE

    def __setitem__(self, key: K, value: V) -> None:
        self._changes[key] = value

    def __delitem__(self, key: K) -> None:
        if key not in self:
            raise KeyError(key)
        if key in self._base:
            self._changes[key] = GONE
        else:
            del self._changes[key]

    def __iter__(self) -> Iterator[K]:
        changes = self._changes
        for key in self._base:
            if changes.get(key) is not GONE:
                yield key
        for key, value in changes.items():
            if value is not GONE and key not in self._base:
                yield key

    def __len__(self) -> int:
        count = len(self._base)
        for key, value in self._changes.items():
            count += (value is not GONE) - (key in self._base)
        return count

    def copy(self) -> Self:
        """Return one that can be changed without changing this."""
        new = type(self)(self._base)
        if len(self._changes) <= _MOST:
            new._changes = self._changes.copy()  # noqa: SLF001 - one of our own
        else:
            new._base = self.merged()  # noqa: SLF001
        return new

    def merged(self) -> dict[K, V]:
        """Return both layers as one dict."""
        merged = self._base.copy()  # faster than building one
        merged.update(self._changes)
        for key, value in self._changes.items():
            if value is GONE:
                del merged[key]
        return merged
