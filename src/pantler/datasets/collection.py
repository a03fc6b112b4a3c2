"""Collections: named groups of datasets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping


class CollectionType(Enum):
    """The four kinds of collection."""

    RUN = 1
    """Every dataset is in exactly one, from birth on."""

    TAGGED = 2
    """Any datasets, one for each dataset type and data ID."""

    CHAINED = 3
    """Other collections, searched in order."""

    CALIBRATION = 4
    """Calibration datasets, each with the time for which it is valid."""


@dataclass(frozen=True, slots=True)
class Collection:
    """What is known of one collection.

    Parameters
    ----------
    name
        Its name; slashes suggest a hierarchy, but none is implied.
    type
        Its kind.
    doc
        What it holds, in a sentence.
    children
        For a CHAINED collection, the names that it searches, in order.
    """

    name: str
    type: CollectionType
    doc: str = ""
    children: tuple[str, ...] = ()


def check_collection_name(name: str) -> None:
    """Refuse what cannot name a collection.

    Raises
    ------
    InvalidInputError
        If it is empty, could be taken for a pattern or for several names, has blanks
        around it, or cannot be printed.
    """
    if (
        not name
        or any(c in name for c in "*?,")
        or name != name.strip()
        or not name.isprintable()
    ):
        raise InvalidInputError(
            f"{name!a} cannot name a collection: it is empty, has one of '*?,' or a "
            "character that cannot be printed, or blanks around it."
        )


@dataclass(frozen=True, slots=True)
class CollectionSummary:
    """What a collection holds at this moment, and no more than that.

    Parameters
    ----------
    dataset_types
        Names of the types of its datasets, in order.
    governors
        For each governor dimension (``instrument``, say) that the data IDs of its
        datasets name, the values that occur.
    """

    dataset_types: tuple[str, ...]
    governors: Mapping[str, tuple[object, ...]]
