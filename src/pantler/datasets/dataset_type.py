"""Dataset types: a name for a kind of dataset, with its dimensions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantler.datasets.storage_class import StorageClass, get_storage_class
from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from pantler.dimensions.universe import DimensionGroup

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class DatasetType:
    """A kind of dataset: ``calexp`` is an image of a visit and a detector.

    Parameters
    ----------
    name
        Letters, digits and underscores.
    dimensions
        What a data ID of it names.
    storage_class
        The name of its storage class.
    is_calibration
        Whether its datasets can be certified with a validity range.

    Raises
    ------
    InvalidInputError
        If the name is not allowed.
    """

    name: str
    dimensions: DimensionGroup
    storage_class: str
    is_calibration: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInputError(
                f"'{self.name}' cannot name a dataset type: "
                "use letters, digits and underscores, not beginning with a digit."
            )

    def load_storage_class(self) -> StorageClass:
        """Return the storage class itself."""
        return get_storage_class(self.storage_class)

    def __str__(self) -> str:
        kind = ", calibration" if self.is_calibration else ""
        return f"{self.name} {self.dimensions!r} ({self.storage_class}{kind})"


def split_component(name: str) -> tuple[str, str | None]:
    """Split ``"calexp.wcs"`` into the dataset type's name and the component."""
    parent, dot, component = name.partition(".")
    return parent, component if dot else None


def differences(known: DatasetType, asked: DatasetType) -> str:
    """Return how a type that is registered differs from one that is given; or ""."""
    parts = [
        f"{word} is {getattr(known, name)!r} there and {getattr(asked, name)!r} here"
        for name, word in (
            ("dimensions", "dimensions"),
            ("storage_class", "storage class"),
            ("is_calibration", "calibration"),
        )
        if getattr(known, name) != getattr(asked, name)
    ]
    return "; ".join(parts)
