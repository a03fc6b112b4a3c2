"""Merging the sources of all bands into objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from pantler.errors import InvalidInputError
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, Input, Output
from pantler.tasks.task import PipelineTask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table
    from numpy.typing import NDArray

    from pantler.tasks.context import QuantumContext

_PER_BAND = ("flux", "flux_err", "snr")


class MergeConfig(TaskConfig):
    """How sources of different bands are matched."""

    radius_arcsec: float = Field(
        1.0, gt=0, le=60, description="Largest distance of a match, arcsec."
    )


class MergeConnections(Connections, dimensions=("skymap", "tract", "patch")):
    """The sources of each band in, objects out."""

    coadd_src = Input(
        "coadd_src",
        "Table",
        "Sources of the coadds of each band.",
        dimensions=("skymap", "tract", "patch", "band"),
        multiple=True,
        deferred=True,
    )
    objects = Output(
        "object",
        "Table",
        "Objects with their fluxes in each band.",
        dimensions=("skymap", "tract", "patch"),
    )


class MergeTask(PipelineTask[MergeConfig]):
    """Match the sources of all bands by position."""

    connections = MergeConnections

    def run_quantum(self, quantum: QuantumContext) -> None:
        """Hand ``run`` the tables by band."""
        handles = quantum.get("coadd_src")
        tables = {str(h.data_id["band"]): h.get() for h in handles}
        self.put_outputs(quantum, self.run(coadd_src=tables))

    def run(self, *, coadd_src: Mapping[str, Table]) -> dict[str, Table]:
        """Return the objects: each source of each band is in one of them.

        Bands are taken in turn, the one with the most sources first. A source joins
        the object that is nearest to it if it is the nearest to that object too;
        else it becomes a new one. An object's position is that of its first source.

        Parameters
        ----------
        coadd_src
            Sources by band, with ``ra``, ``dec`` (ICRS, degrees), ``in_inner``,
            ``flux``, ``flux_err`` and ``snr``.

        Raises
        ------
        InvalidInputError
            If there is no table.
        """
        from astropy.table import Table

        if not coadd_src:
            raise InvalidInputError("There is no list of sources to merge.")
        bands = sorted(coadd_src, key=lambda band: (-len(coadd_src[band]), band))
        ra, dec = np.zeros(0), np.zeros(0)
        inner = np.zeros(0, bool)
        places: dict[str, NDArray[np.int64]] = {}
        for band in bands:
            table = coadd_src[band]
            new_ra, new_dec = np.asarray(table["ra"]), np.asarray(table["dec"])
            place = self._match(new_ra, new_dec, ra, dec)
            fresh = place < 0
            place[fresh] = len(ra) + np.arange(fresh.sum())
            ra = np.append(ra, new_ra[fresh])
            dec = np.append(dec, new_dec[fresh])
            inner = np.append(inner, np.asarray(table["in_inner"])[fresh])
            places[band] = place
        objects = Table({"id": np.arange(1, len(ra) + 1), "ra": ra, "dec": dec})
        objects["ra"].unit = objects["dec"].unit = "deg"
        objects["in_inner"] = inner
        objects["n_bands"] = np.zeros(len(ra), np.int16)
        for band in sorted(bands):
            _add_band(objects, band, coadd_src[band], places[band])
        self._report(objects)
        return {"objects": objects}

    def _match(
        self,
        ra: NDArray[Any],
        dec: NDArray[Any],
        known_ra: NDArray[Any],
        known_dec: NDArray[Any],
    ) -> NDArray[np.int64]:
        """Return the index of the known object of each source, -1 for none."""
        from astropy import units as u
        from astropy.coordinates import SkyCoord

        place = np.full(len(ra), -1, np.int64)
        if not len(ra) or not len(known_ra):
            return place
        sources = SkyCoord(ra, dec, unit=u.deg)
        known = SkyCoord(known_ra, known_dec, unit=u.deg)
        there, distance, _ = sources.match_to_catalog_sky(known)
        back, _, _ = known.match_to_catalog_sky(sources)
        near = distance.arcsec <= self.config.radius_arcsec
        mutual = near & (back[there] == np.arange(len(ra)))
        place[mutual] = there[mutual]
        return place

    def _report(self, objects: Table) -> None:
        several = int((objects["n_bands"] > 1).sum())
        self.metadata.update({"objects": len(objects), "in_several_bands": several})
        self.log.info("%d objects, %d in several bands", len(objects), several)


def _add_band(
    objects: Table, band: str, sources: Table, places: NDArray[np.int64]
) -> None:
    """Add the columns of a band; NaN where an object has no source in it."""
    for column in _PER_BAND:
        values = np.full(len(objects), np.nan)
        values[places] = np.asarray(sources[column])
        objects[f"{band}_{column}"] = values
        objects[f"{band}_{column}"].unit = sources[column].unit
    objects["n_bands"][places] += 1
