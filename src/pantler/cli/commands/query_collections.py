"""``pantler query-collections``."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

import click

from pantler.cli import options
from pantler.cli.output import OutputFormat, format_option, print_rows
from pantler.errors import close_match

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command()
@options.repository
@click.argument("glob", default="*")
@click.option(
    "--collection-type",
    type=click.Choice(
        ["RUN", "TAGGED", "CHAINED", "CALIBRATION"], case_sensitive=False
    ),
    multiple=True,
    help="Only collections of this type.",
)
@click.option("--show-dataset-types", "-t", is_flag=True, help="Also what they hold.")
@format_option
def query_collections(
    repo: str,
    glob: str,
    *,
    collection_type: tuple[str, ...],
    show_dataset_types: bool,
    output_format: OutputFormat,
) -> None:
    """List collections, with their children.

    Those whose names match GLOB, a pattern of * and ?; all of them without it.

    \b
    Example:
      pantler query-collections my-repository 'DemoCam/*' --collection-type RUN
    """
    from pantler.butler.interface import Butler
    from pantler.datasets.collection import CollectionType

    columns = ["name", "type", "children"]
    if show_dataset_types:
        columns.append("dataset_types")
    with Butler.open(repo) as butler:
        rows = [
            {
                "name": found.name,
                "type": found.type.name,
                "children": found.children,
                "dataset_types": butler.collections.dataset_types(found.name)
                if show_dataset_types
                else None,
            }
            for found in butler.collections.query(
                glob, types=collection_type or CollectionType
            )
        ]
        names = [] if rows else [c.name for c in butler.collections.query("*")]
    print_rows(rows, columns, output_format)
    if not rows:
        click.echo(_why_none(glob, names), err=True)


def _why_none(glob: str, names: Sequence[str]) -> str:
    if not names:
        return "The repository has no collections."
    if any(fnmatch.fnmatchcase(name, glob) for name in names):
        return f"No collection that matches '{glob}' is of that type."
    return f"No collection matches '{glob}'.{close_match(glob, names)}"
