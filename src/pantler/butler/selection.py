"""What people may give where datasets, names or data IDs are asked for."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable
from uuid import UUID

from pantler.datasets.collection import Collection
from pantler.datasets.ref import DatasetRef
from pantler.dimensions.coordinate import DataCoordinate
from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

Named = TypeVar("Named")


@runtime_checkable
class Framed(Protocol):
    """What can be had as a frame: the results of a query."""

    def to_polars(self) -> pl.DataFrame:
        """Return all rows."""
        ...


Datasets = Framed | DatasetRef | UUID | Iterable[Any]
"""Datasets: results of a query, a frame with ``dataset_id``, refs or UUIDs, or one."""

Names = str | Collection | Iterable[str | Collection]
"""Collections: names or `Collection`, several or one."""


def uuid_of(dataset: DatasetRef | UUID | str | bytes) -> UUID:
    """Return the UUID of a dataset.

    Raises
    ------
    InvalidInputError
        If it is none.
    """
    try:
        match dataset:
            case DatasetRef():
                return dataset.id
            case UUID():
                return dataset
            case bytes():
                return UUID(bytes=dataset)
            case str():
                return UUID(dataset)
    except ValueError:
        pass
    raise InvalidInputError(
        f"{dataset!r} names no dataset: give a ref, or a UUID such as "
        "'01939b2a-7c00-7000-8000-0123456789ab'."
    )


def dataset_ids(datasets: Datasets) -> list[bytes]:
    """Return the UUIDs of datasets, 16 bytes each, none of them twice.

    Raises
    ------
    InvalidInputError
        If something is not a dataset.
    """
    if isinstance(datasets, DatasetRef | UUID | str | bytes):
        return [uuid_of(datasets).bytes]
    frame: Any = datasets.to_polars() if isinstance(datasets, Framed) else datasets
    if hasattr(frame, "columns"):  # a frame, of polars or another library
        if "dataset_id" not in frame.columns:
            raise InvalidInputError(
                "A frame names datasets by a column 'dataset_id'; this one has "
                f"{', '.join(map(str, frame.columns))}."
            )
        frame = frame["dataset_id"].to_list()
    if not isinstance(frame, Iterable):
        raise InvalidInputError(f"{datasets!r} names no datasets.")
    return list(dict.fromkeys(uuid_of(one).bytes for one in frame))


def names_of(names: Names) -> list[str]:
    """Return the names of collections."""
    several = (names,) if isinstance(names, str | Collection) else names
    return [one.name if isinstance(one, Collection) else one for one in several]


def is_pattern(text: str) -> bool:
    """Whether a name is a pattern of ``*`` and ``?``."""
    return "*" in text or "?" in text


def matching(known: Mapping[str, Named], patterns: Sequence[str]) -> dict[str, Named]:
    """Return what has one of some names, or matches one of some patterns.

    Parameters
    ----------
    known
        What there is, by name.
    patterns
        Names that are not there match nothing.

    Returns
    -------
    dict
        Each once: in the order of the patterns, and of ``known`` for each.
    """
    found: dict[str, Named] = {}
    for pattern in patterns:
        if pattern in known:
            found.setdefault(pattern, known[pattern])
        elif is_pattern(pattern):
            for name, one in known.items():
                if fnmatch.fnmatchcase(name, pattern):
                    found.setdefault(name, one)
    return found


def data_id_values(data_id: object) -> Mapping[str, object]:
    """Return a data ID as a mapping.

    Raises
    ------
    InvalidInputError
        If it is none.
    """
    if isinstance(data_id, DatasetRef):
        return data_id.data_id.required
    if isinstance(data_id, DataCoordinate):
        return data_id.required
    if isinstance(data_id, Mapping):
        return data_id
    raise InvalidInputError(
        f"{data_id!r} is no data ID: give a mapping, as {{'detector': 3}}, or a ref."
    )
