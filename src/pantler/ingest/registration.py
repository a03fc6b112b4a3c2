"""Instruments into a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.butler.interface import Butler
from pantler.datasets.collection import CollectionType
from pantler.ingest.elements import OF_INSTRUMENTS, require_elements

if TYPE_CHECKING:
    from pantler.butler.repository import Repository
    from pantler.instruments.instrument import Instrument


def register_instrument(
    repository: Repository, instrument: Instrument, *, update: bool = False
) -> int:
    """Add a camera: its detectors, filters, raw dataset type and collections.

    Doing so again changes nothing.

    Parameters
    ----------
    repository
        Where to.
    instrument
        The camera.
    update
        Whether records that have changed are replaced.

    Returns
    -------
    int
        How many records were added or replaced.

    Raises
    ------
    ConflictError
        If the repository has other values for it, unless ``update`` is set.
    InvalidInputError
        If its universe has no instruments.
    """
    butler = Butler.of(repository)
    require_elements(butler.universe, OF_INSTRUMENTS, "Instruments")
    with repository.transaction():
        count = sum(
            butler.dimensions.insert(
                element, frame, on_conflict="replace" if update else "fail"
            )
            for element, frame in instrument.records(butler.universe).items()
        )
        butler.dataset_types.register(instrument.raw_dataset_type(butler.universe))
        butler.collections.register(
            instrument.raw_run, CollectionType.RUN, f"Raw frames of {instrument.name}."
        )
        butler.collections.register(
            instrument.calibration_collection,
            CollectionType.CALIBRATION,
            f"Calibrations of {instrument.name}, each for its time.",
        )
    return count
