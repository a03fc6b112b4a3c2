"""Collections: named groups of datasets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

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
