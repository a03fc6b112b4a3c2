"""Datasets that have no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.errors import DatasetNotFoundError

if TYPE_CHECKING:
    from pantler.datasets.ref import DatasetRef
    from pantler.registry.interface import Registry


def without_file(
    registry: Registry, ref: DatasetRef, *, is_lasting: bool = True
) -> DatasetNotFoundError:
    """Return the error that says why a dataset has no file.

    Parameters
    ----------
    registry
        Knows the datasets.
    ref
        Which one.
    is_lasting
        Whether all datastores keep what they have beyond a process.
    """
    if registry.datasets.get(ref.id.bytes) is None:
        return DatasetNotFoundError(
            f"{ref} is no dataset of this repository (UUID {ref.id}): it was removed, "
            "or is of another one."
        )
    if not is_lasting:
        return DatasetNotFoundError(
            f"{ref} is not, or no longer, in the memory of this process, and nowhere "
            "else: whoever put it there has ended, or it was handed over."
        )
    return DatasetNotFoundError(
        f"The file of {ref} was removed, as 'pantler remove-datasets --files-only' "
        "does. The dataset is still known: make it again in another run, or remove it "
        "altogether."
    )
