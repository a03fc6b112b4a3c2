"""``pantler register-skymap``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pantler.cli import options
from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from pantler.butler.repository import Repository
    from pantler.skymaps.interface import SkyMap


@click.command()
@options.repository
@click.argument("name")
@click.option(
    "--definition",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file with the kind of sky map and its settings.",
)
@click.option(
    "--pixel-scale", type=float, help="Cover the visits: arcseconds for each pixel."
)
@click.option(
    "--patch-size",
    type=int,
    default=1000,
    show_default=True,
    help="Side of a patch without its border, pixels.",
)
@click.option(
    "--patch-border",
    type=int,
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
    from pantler.ingest.skymap_registration import register_skymap as register

    if (definition is None) == (pixel_scale is None):
        raise InvalidInputError("Give either --definition FILE or --pixel-scale.")
    with Repository.open(repo, writeable=True) as repository:
        if definition is not None:
            sky_map = _defined(definition, name)
        else:
            sizes = (pixel_scale or 0.0, patch_size, patch_border)
            sky_map = _covering(repository, name, where, sizes)
        register(repository, sky_map)
    patches = sum(tract.patch_count for tract in sky_map.tracts())
    click.echo(
        f"Registered sky map {name}: tracts {sky_map.tract_count}, patches {patches}."
    )


def _defined(file: Path, name: str) -> SkyMap:
    from pantler.config.yaml_text import load_yaml
    from pantler.skymaps.interface import make_sky_map

    data = load_yaml(file.read_bytes(), f"'{file}'")
    if not isinstance(data, dict):
        raise InvalidInputError(f"'{file}' does not hold a mapping of settings.")
    return make_sky_map({**data, "name": name})


def _covering(
    repository: Repository, name: str, where: str, sizes: tuple[float, int, int]
) -> SkyMap:
    from pantler.butler.interface import Butler
    from pantler.dimensions.sky.regions import ConvexPolygon, decode_region
    from pantler.skymaps.discrete import DiscreteSkyMap

    records = (
        Butler.of(repository).query_dimension_records("visit", where=where).to_polars()
    )
    regions = [decode_region(data) for data in records["region"].drop_nulls()]
    pixel_scale, patch_size, patch_border = sizes
    return DiscreteSkyMap.from_regions(
        name,
        [region for region in regions if isinstance(region, ConvexPolygon)],
        pixel_scale_arcsec=pixel_scale,
        patch_size_px=patch_size,
        patch_border_px=patch_border,
    )
