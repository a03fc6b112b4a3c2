"""``pantler create``."""

from __future__ import annotations

from pathlib import Path

import click

from pantler.cli import options


@click.command()
@options.repository
@click.option(
    "--registry",
    metavar="LOCATION",
    help="Where to record what exists: the URI of a database, as "
    "postgresql://host/database?schema=name, or a path for SQLite.",
)
@click.option(
    "--settings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file of settings, in place of the packaged ones.",
)
@click.option(
    "--universe",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file of dimensions, in place of the packaged ones.",
)
def create(
    repo: str, registry: str | None, settings: Path | None, universe: Path | None
) -> None:
    """Make an empty repository in the folder REPO.

    A password does not belong in the URI of a database: keep it in ~/.pgpass, in a
    service file or in PGPASSWORD.

    \b
    Examples:
      pantler create my-repository
      pantler create survey --registry 'postgresql://db.host/survey?schema=dr1'
    """
    from pantler.butler.interface import Butler
    from pantler.cli.files import read_bytes
    from pantler.config.settings import RepositorySettings
    from pantler.dimensions.universe import Universe

    chosen = (
        RepositorySettings.from_yaml(read_bytes(settings), str(settings))
        if settings
        else RepositorySettings()
    )
    if registry is not None:
        chosen = chosen.with_registry(registry)
    dimensions = (
        Universe.from_yaml(read_bytes(universe), f"'{universe}'") if universe else None
    )
    Butler.create(repo, settings=chosen, universe=dimensions).close()
    click.echo(f"Made an empty repository in {repo}.")
