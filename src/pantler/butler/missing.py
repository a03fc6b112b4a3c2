"""Datasets that have no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.errors import DatasetNotFoundError

if TYPE_CHECKING:
    from pantler.datasets.ref import DatasetRef
    from pantler.registry.interface import Registry


def without_file(registry: Registry, ref: DatasetRef) -> DatasetNotFoundError:
    """Return the error that says why a dataset has no file."""
    if registry.datasets.get(ref.id.bytes) is None:
        return DatasetNotFoundError(
            f"{ref} is no dataset of this repository (UUID {ref.id}): it was removed, "
            "or is of another one."
        )
    return DatasetNotFoundError(
        f"The file of {ref} was removed, as 'pantler remove-datasets --files-only' "
        "does. The dataset is still known: make it again in another run, or remove it "
        "altogether."
    )
