"""``pantler associate``."""

from __future__ import annotations

import click

from pantler.cli import options
from pantler.cli.reasons import say_why_empty
from pantler.errors import counted


@click.command()
@options.repository
@click.argument("collection")
@click.argument("globs", nargs=-1, required=True, metavar="GLOB...")
@options.collections
@options.where
def associate(
    repo: str,
    collection: str,
    globs: tuple[str, ...],
    *,
    collections: list[str],
    where: str,
) -> None:
    """Put datasets into a TAGGED collection.

    COLLECTION is made if need be. The datasets are those that query-datasets lists with
    the same words: of the types whose names match one of GLOB, patterns of * and ?.
    They replace others of the same type and data ID.

    \b
    Example:
      pantler associate my-repository u/me/good calexp -i demo --where "visit > 100"
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo, writeable=True) as butler, butler.transaction():
        found = [
            butler.query_datasets(
                dataset_type, collections=collections or None, where=where
            )
            for dataset_type in butler.dataset_types.find_all(globs)
        ]
        butler.collections.register(collection, "TAGGED")
        count = sum(butler.collections.associate(collection, one) for one in found)
        click.echo(f"Put {counted(count, 'dataset')} into '{collection}'.")
        if not count:
            say_why_empty(found)
