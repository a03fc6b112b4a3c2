"""``pantler register-skymap``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pantler.cli import options
from pantler.cli.files import read_bytes
from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from pantler.butler.repository import Repository
    from pantler.dimensions.sky.regions import ConvexPolygon
    from pantler.skymaps.interface import SkyMap

_MOST_PIXELS: Final = 100_000
"""Larger patches do not fit into memory."""


@click.command()
@options.repository
@click.argument("name")
@click.option(
    "--definition",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file with the kind of sky map and its settings.",
)
@click.option(
    "--pixel-scale",
    type=options.POSITIVE_NUMBER,
    help="Cover the visits: arcseconds for each pixel.",
)
@click.option(
    "--patch-size",
    type=click.IntRange(min=1, max=_MOST_PIXELS),
    default=1000,
    show_default=True,
    help="Side of a patch without its border, pixels.",
)
@click.option(
    "--patch-border",
    type=click.IntRange(min=0, max=_MOST_PIXELS),
    default=50,
    show_default=True,
    help="By how much a patch overlaps its neighbours, pixels.",
)
@options.where
def register_skymap(
    repo: str,
    name: str,
    *,
    definition: Path | None,
    pixel_scale: float | None,
    patch_size: int,
    patch_border: int,
    where: str,
) -> None:
    """Divide the sky into tracts and patches.

    The sky map is called NAME in data IDs. Either a file defines it, or, with
    --pixel-scale, tracts are laid over the visits of the repository (those that
    --where selects). Sizes are in pixels.

    \b
    Examples:
      pantler register-skymap my-repository m13 --pixel-scale 0.66
      pantler register-skymap my-repository survey --definition survey.yaml
    """
    from pantler.butler.repository import Repository
    from pantler.ingest.elements import OF_SKYMAPS, require_elements
    from pantler.ingest.skymap_registration import register_skymap as register
    from pantler.skymaps.discrete import DiscreteSkyMap

    if (definition is None) == (pixel_scale is None):
        raise InvalidInputError("Give either --definition FILE or --pixel-scale.")
    with Repository.open(repo, writeable=True) as repository:
        require_elements(repository.universe, OF_SKYMAPS, "Sky maps")
        if definition is not None:
            sky_map = _defined(definition, name)
        else:
            sky_map = DiscreteSkyMap.from_regions(
                name,
                _regions(repository, where),
                pixel_scale_arcsec=pixel_scale or 0.0,
                patch_size_px=patch_size,
                patch_border_px=patch_border,
            )
        register(repository, sky_map)
    patches = sum(tract.patch_count for tract in sky_map.tracts())
    click.echo(
        f"Registered sky map {name}: tracts {sky_map.tract_count}, patches {patches}."
    )


def _defined(file: Path, name: str) -> SkyMap:
    from pantler.config.yaml_text import load_yaml
    from pantler.skymaps.interface import make_sky_map

    data = load_yaml(read_bytes(file), f"'{file}'")
    if not isinstance(data, dict):
        raise InvalidInputError(f"'{file}' does not hold a mapping of settings.")
    return make_sky_map({**data, "name": name})


def _regions(repository: Repository, where: str) -> list[ConvexPolygon]:
    """Return what the chosen visits saw."""
    from pantler.butler.interface import Butler
    from pantler.dimensions.sky.regions import ConvexPolygon, decode_region

    visits = Butler.of(repository).query_dimension_records("visit", where=where)
    regions = map(decode_region, visits.to_polars()["region"].drop_nulls())
    return [region for region in regions if isinstance(region, ConvexPolygon)]
