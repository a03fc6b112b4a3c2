"""``pantler remove-dataset-type``."""

from __future__ import annotations

import click

from pantler.cli import options
from pantler.cli.removing import is_agreed, removal_options
from pantler.errors import counted


@click.command()
@options.repository
@click.argument("globs", nargs=-1, required=True, metavar="GLOB...")
@removal_options
def remove_dataset_type(
    repo: str, globs: tuple[str, ...], *, dry_run: bool, yes: bool
) -> None:
    """Remove dataset types that have no datasets.

    Those whose names are, or match, one of GLOB, patterns of * and ?: all of them or
    none. Remove their datasets first.

    \b
    Example:
      pantler remove-dataset-type my-repository 'test_*' --yes
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo, writeable=not dry_run) as butler:
        found = butler.dataset_types.find_all(globs)
        for dataset_type in found:
            is_used = butler.query_datasets(dataset_type).any()
            end = "has datasets, which keep it" if is_used else "has no datasets"
            click.echo(f"{dataset_type}: {end}.")
        if is_agreed("Remove them?", dry_run=dry_run, yes=yes):
            with butler.transaction():
                for dataset_type in found:
                    butler.dataset_types.remove(dataset_type.name)
            click.echo(f"Removed {counted(len(found), 'dataset type')}.")
