"""Calibrations declared valid for a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.butler.interface import Butler
from pantler.datasets.collection import CollectionType
from pantler.dimensions.timespan import Timespan
from pantler.errors import DatasetNotFoundError, InvalidInputError

if TYPE_CHECKING:
    from pantler.butler.repository import Repository


def certify_calibrations(
    repository: Repository,
    source: str,
    target: str,
    dataset_type: str,
    *,
    timespan: Timespan | None = None,
    replace: bool = False,
) -> int:
    """Declare all calibrations of one type in a collection valid for a time.

    Parameters
    ----------
    repository
        The repository.
    source
        The collection in which they are.
    target
        The CALIBRATION collection, made if need be.
    dataset_type
        Name of a dataset type of calibrations.
    timespan
        When they are valid; always when None.
    replace
        Whether they take the place, for that time, of others of the same data ID.

    Returns
    -------
    int
        How many were certified.

    Raises
    ------
    InvalidInputError
        If the dataset type is not one of calibrations.
    DatasetNotFoundError
        If the source has none.
    ConflictError
        If others of the same data ID are valid at any of that time, and they do not
        take their place.
    """
    butler = Butler.of(repository)
    kind = butler.dataset_types.get(dataset_type)
    if not kind.is_calibration:
        raise InvalidInputError(
            f"Dataset type '{kind}' is not one of calibrations, so none of its "
            "datasets can be certified."
        )
    refs = list(butler.query_datasets(kind, collections=source))
    if not refs:
        held = ", ".join(butler.collections.dataset_types(source)) or "nothing"
        raise DatasetNotFoundError(
            f"No '{kind.name}' to certify in '{source}'; it holds: {held}."
        )
    with repository.transaction():
        butler.collections.register(target, CollectionType.CALIBRATION)
        butler.collections.certify(
            target, refs, timespan or Timespan.always(), replace=replace
        )
    return len(refs)
