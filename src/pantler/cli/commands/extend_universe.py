"""``pantler extend-universe``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pantler.cli import options

if TYPE_CHECKING:
    from pantler.dimensions.extension import Extension


@click.command()
@options.repository
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option("--dry-run", is_flag=True, help="Only say what would be added.")
def extend_universe(repo: str, file: Path | None, *, dry_run: bool) -> None:
    """Go over to a newer version of the universe.

    FILE is the YAML of the same universe with a higher version; without it, the
    packaged universe is meant. It may only add: dimensions, relations that involve a
    new one, columns that may be null, levels of sky pixels. Whatever else has changed
    is listed, and nothing is done. Programs that have the repository open go on with
    the older version until they open it again.

    \b
    Example:
      pantler extend-universe my-repository fibres.yaml --dry-run
    """
    from pantler.butler.repository import Repository
    from pantler.cli.files import read_bytes
    from pantler.dimensions.universe import Universe

    newer = (
        Universe.default()
        if file is None
        else Universe.from_yaml(read_bytes(file), f"'{file}'")
    )
    with Repository.open(repo, writeable=not dry_run) as repository:
        older = repository.universe
        if newer == older:
            click.echo(f"The repository has version {older.version} already.")
            return
        extension = repository.registry.extend_universe(newer, dry_run=dry_run)
    verb = "would be" if dry_run else "is"
    click.echo(
        f"The universe '{newer.namespace}' {verb} of version {newer.version}, after "
        f"version {older.version}. {_additions(extension)}"
    )


def _additions(extension: Extension) -> str:
    parts = {
        "dimensions and relations": [element.name for element in extension.elements],
        "columns": [str(column) for column in extension.columns],
        "sky pixels": list(extension.pixels),
    }
    listed = [
        f"{what} {', '.join(names)}" for what, names in parts.items() if names
    ] or ["nothing but other words"]
    return f"New: {'; '.join(listed)}."
