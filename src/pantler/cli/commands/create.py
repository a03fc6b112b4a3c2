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
    "--datastore-root",
    metavar="LOCATION",
    help="Where to keep datasets: a URI, as s3://bucket/folder, or a path.",
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
    repo: str,
    *,
    registry: str | None,
    datastore_root: str | None,
    settings: Path | None,
    universe: Path | None,
) -> None:
    """Make an empty repository in the folder REPO.

    A password does not belong in the URI of a database: keep it in ~/.pgpass, in a
    service file or in PGPASSWORD. Nor do the credentials of a store belong into
    its URI: they come from the environment or from ~/.aws.

    \b
    Examples:
      pantler create my-repository
      pantler create survey --registry 'postgresql://db.host/survey?schema=dr1'
      pantler create survey --datastore-root s3://survey-data/dr1
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
    if datastore_root is not None:
        chosen = chosen.with_datastore_root(datastore_root)
    dimensions = (
        Universe.from_yaml(read_bytes(universe), f"'{universe}'") if universe else None
    )
    Butler.create(repo, settings=chosen, universe=dimensions).close()
    click.echo(f"Made an empty repository in {repo}.")
