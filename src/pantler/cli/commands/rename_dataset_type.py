"""``pantler rename-dataset-type``."""

from __future__ import annotations

import click

from pantler.cli import options


@click.command()
@options.repository
@click.argument("name")
@click.argument("new_name")
def rename_dataset_type(repo: str, name: str, new_name: str) -> None:
    """Give a dataset type another name.

    Its datasets go on under that name, and their files stay where they are. Pipelines
    and settings that say the old name have to be changed by hand; graphs that were
    built before have to be built again.

    \b
    Example:
      pantler rename-dataset-type my-repository src source
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo, writeable=True) as butler:
        butler.dataset_types.rename(name, new_name)
    click.echo(f"'{name}' is now '{new_name}'.")
