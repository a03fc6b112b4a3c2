"""Collections: named groups of datasets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


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
