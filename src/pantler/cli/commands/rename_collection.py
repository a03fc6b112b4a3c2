"""``pantler rename-collection``."""

from __future__ import annotations

import click

from pantler.cli import options


@click.command()
@options.repository
@click.argument("name")
@click.argument("new_name")
def rename_collection(repo: str, name: str, new_name: str) -> None:
    """Give a collection another name.

    Chains that search NAME go on doing so. Files stay where they are, though the old
    name may be part of their paths. Graphs that were built before say the old name:
    build them again.

    \b
    Example:
      pantler rename-collection my-repository u/me/trial7 u/me/best
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo, writeable=True) as butler:
        butler.collections.rename(name, new_name)
        parents = butler.collections.parents(new_name)
    also = f" {', '.join(map(repr, parents))} searches it by that name."
    click.echo(f"'{name}' is now '{new_name}'.{also if parents else ''}")
