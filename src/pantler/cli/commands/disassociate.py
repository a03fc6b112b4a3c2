"""``pantler disassociate``."""

from __future__ import annotations

import click

from pantler.cli import options
from pantler.cli.reasons import say_why_empty
from pantler.errors import counted


@click.command()
@options.repository
@click.argument("collection")
@click.argument("globs", nargs=-1, required=True, metavar="GLOB...")
@options.where
def disassociate(
    repo: str, collection: str, globs: tuple[str, ...], *, where: str
) -> None:
    """Take datasets out of a TAGGED collection.

    They themselves stay. Those of COLLECTION go whose types match one of GLOB, patterns
    of * and ?, where a condition holds.

    \b
    Example:
      pantler disassociate my-repository u/me/good '*' --where "visit = 103"
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo, writeable=True) as butler, butler.transaction():
        found = [
            butler.query_datasets(dataset_type, collections=collection, where=where)
            for dataset_type in butler.dataset_types.find_all(globs)
        ]
        count = sum(butler.collections.disassociate(collection, one) for one in found)
        click.echo(f"Took {counted(count, 'dataset')} out of '{collection}'.")
        if not count:
            say_why_empty(found)
