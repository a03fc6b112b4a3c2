"""Nested dictionaries, taken apart into arrays and what is said of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pantler.errors import IntegrityError, InvalidInputError, close_match

_KINDS: Final = "biufcUSmM"
_PLAIN: Final = (list, str, bool, int, float, type(None))


@dataclass(frozen=True, slots=True)
class Tree:
    """Arrays by their paths, and all else as JSON.

    Parameters
    ----------
    arrays
        Of numbers and truth values, by path: the keys with ``/`` between them. Text is
        kept as code points, times as whole numbers, as the manifest says.
    manifest
        JSON: plain values and empty dictionaries by path, data types of arrays.
    """

    arrays: Mapping[str, Any]
    manifest: str

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Tree:
        """Return the tree of a dictionary.

        Raises
        ------
        InvalidInputError
            If it holds what has no form in it; says where.
        """
        arrays: dict[str, Any] = {}
        plain: dict[str, Any] = {}
        order: list[str] = []
        todo = [("", value)]
        while todo:
            prefix, mapping = todo.pop()
            for key, item in mapping.items():
                path = _path(prefix, key)
                order.append(path)
                if isinstance(item, Mapping):
                    plain[path] = {}
                    todo.append((path, item))
                elif isinstance(item, np.ndarray):
                    arrays[path] = _checked(item, path)
                else:
                    plain[path] = _plain(item, path)
            if len(order) > 1_000_000:
                raise InvalidInputError("The dictionary is too large, or holds itself.")
        dtypes = {path: array.dtype.str for path, array in arrays.items()}
        manifest = json.dumps({"order": order, "plain": plain, "dtypes": dtypes})
        stored = {path: _encoded(array) for path, array in arrays.items()}
        return cls(stored, manifest)

    def value(self, keys: Iterable[str] | None = None) -> dict[str, Any]:
        """Return the dictionary, or only what lies at some of its paths.

        Raises
        ------
        IntegrityError
            If arrays and manifest do not fit together.
        """
        said = parsed_manifest(self.manifest)
        chosen = None if keys is None else chosen_paths(said["order"], keys)
        found: dict[str, Any] = {}
        try:
            for path in said["order"]:
                if chosen is not None and path not in chosen:
                    continue
                *parents, name = path.split("/")
                place = found
                for parent in parents:
                    place = place.setdefault(parent, {})
                if path in said["dtypes"]:
                    dtype = np.dtype(said["dtypes"][path])
                    place[name] = _decoded(self.arrays[path], dtype)
                elif isinstance(said["plain"][path], dict):
                    place.setdefault(name, {})
                else:
                    place[name] = said["plain"][path]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise IntegrityError(
                f"Arrays and manifest do not fit together: {error}."
            ) from None
        return found


def wanted_arrays(manifest: str | bytes, keys: Iterable[str] | None = None) -> set[str]:
    """Return the paths of the arrays that are to be read, all where no keys are given.

    Raises
    ------
    IntegrityError
        If the manifest is damaged.
    InvalidInputError
        If there is nothing at a key.
    """
    said = parsed_manifest(manifest)
    wanted = set(said["dtypes"])
    return wanted if keys is None else wanted & chosen_paths(said["order"], keys)


def parsed_manifest(manifest: str | bytes) -> dict[str, Any]:
    """Return what a manifest says.

    Raises
    ------
    IntegrityError
        If it is none.
    """
    try:
        said = json.loads(manifest)
        well = (
            isinstance(said["order"], list)
            and isinstance(said["plain"], dict)
            and isinstance(said["dtypes"], dict)
            and all(isinstance(path, str) for path in said["order"])
        )
    except (ValueError, TypeError, LookupError, RecursionError):
        well = False
    if not well:
        raise IntegrityError("The file's manifest is damaged.")
    found: dict[str, Any] = said
    return found


def chosen_paths(paths: Iterable[str], keys: Iterable[str]) -> set[str]:
    """Return the paths at some keys and below them.

    Raises
    ------
    InvalidInputError
        If there is nothing at one.
    """
    known = list(paths)
    if isinstance(keys, str):
        raise InvalidInputError(
            f"The parameter 'keys' is a list of paths, not {keys!r}."
        )
    found: set[str] = set()
    for key in keys:
        below = {p for p in known if p == key or p.startswith(f"{key}/")}
        if not below:
            raise InvalidInputError(
                f"There is no '{key}' in it; it has: {', '.join(known[:20])}."
                f"{close_match(str(key), known)}"
            )
        found |= below
    return found


def digest(*parts: bytes | memoryview) -> str:
    """Return a checksum of bytes."""
    made = hashlib.blake2b(digest_size=16)
    for part in parts:
        made.update(part)
    return made.hexdigest()


def _path(prefix: str, key: object) -> str:
    if not isinstance(key, str) or not key or "/" in key or key in {".", ".."}:
        raise InvalidInputError(
            f"The key {key!r} in '{prefix or '.'}' cannot be kept: keys are text "
            "without '/'."
        )
    return f"{prefix}/{key}" if prefix else key


def _checked(array: Any, path: str) -> Any:
    dtype = array.dtype
    is_plain = type(array) is np.ndarray
    if not is_plain or dtype.kind not in _KINDS or dtype.str[1:] in {"f16", "c32"}:
        raise InvalidInputError(
            f"'{path}' is a {type(array).__qualname__} of {dtype}, which cannot be "
            "kept here: use numbers, truth values, text or times, without masks and "
            "units."
        )
    return array


def _plain(value: Any, path: str) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    try:
        if isinstance(plain, _PLAIN) and json.loads(json.dumps(plain)) == plain:
            return plain
    except (TypeError, ValueError, RecursionError):
        pass
    if isinstance(plain, float):  # NaN is not equal to itself
        return plain
    raise InvalidInputError(
        f"'{path}' is {value!r:.60} ({type(value).__qualname__}): use arrays, text, "
        "numbers, truth values, None, and lists of those."
    )


def _encoded(array: Any) -> Any:
    """Return an array as one of numbers, in a form that every library has."""
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    kind, size = native.dtype.kind, native.dtype.itemsize
    if kind == "U":
        return native.view(np.uint32).reshape(*array.shape, size // 4)
    if kind == "S":
        return native.view(np.uint8).reshape(*array.shape, size)
    if kind in "mM":
        return native.view(np.int64).reshape(array.shape)
    return native.reshape(array.shape)


def _decoded(stored: Any, dtype: np.dtype[Any]) -> Any:
    array = np.ascontiguousarray(stored)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    native = dtype.newbyteorder("=")
    if dtype.kind in "US":
        return array.view(native).reshape(np.shape(stored)[:-1])
    if dtype.kind in "mM":
        array = array.view(native)
    if array.dtype != native:
        raise ValueError(f"{array.dtype} is there, and {dtype} was written")
    return array.reshape(np.shape(stored))
