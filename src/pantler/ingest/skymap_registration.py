"""Sky maps into a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pantler.butler.interface import Butler
from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.errors import ConflictError
from pantler.ingest.elements import OF_SKYMAPS, require_elements

if TYPE_CHECKING:
    from pantler.butler.repository import Repository
    from pantler.skymaps.interface import SkyMap

SKYMAP_RUN: Final = "skymaps"
"""The RUN collection of all sky maps."""


def register_skymap(repository: Repository, skymap: SkyMap) -> bool:
    """Add a sky map: records of its tracts and patches, and itself as ``skyMap``.

    Parameters
    ----------
    repository
        Where to.
    skymap
        The sky map.

    Returns
    -------
    bool
        False if an equal one was there.

    Raises
    ------
    ConflictError
        If another one has its name.
    InvalidInputError
        If the repository's universe has no tracts and patches.
    """
    butler = Butler.of(repository)
    require_elements(butler.universe, OF_SKYMAPS, "Sky maps")
    dataset_type = DatasetType(
        "skyMap", butler.universe.group(["skymap"]), storage_class="SkyMap"
    )
    records = butler.query_dimension_records("skymap").to_polars()
    known = dict(zip(records["skymap"], records["hash"], strict=True))
    if known.get(skymap.name, skymap.hash) != skymap.hash:
        raise ConflictError(
            f"Another sky map '{skymap.name}' is registered already, with other "
            "tracts or patches. Choose another name."
        )
    with repository.transaction():
        for element, frame in skymap.records(butler.universe).items():
            butler.dimensions.insert(element, frame)
        butler.dataset_types.register(dataset_type)
        butler.collections.register(
            SKYMAP_RUN, CollectionType.RUN, "Sky maps, each under its name."
        )
        data_id = {"skymap": skymap.name}
        found = butler.find_dataset(dataset_type, data_id, collections=SKYMAP_RUN)
        if found is not None:
            return False
        butler.put(skymap, dataset_type, data_id, run=SKYMAP_RUN)
    return True
