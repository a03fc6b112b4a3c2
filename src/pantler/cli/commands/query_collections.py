"""``pantler query-collections``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pantler.cli import options
from pantler.cli.output import OutputFormat, format_option, print_rows
from pantler.errors import InvalidInputError, close_match
from pantler.execution.log_lines import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pantler.butler.collections import Collections
    from pantler.datasets.collection import Collection


@click.command()
@options.repository
@click.argument("globs", nargs=-1, metavar="[GLOB...]")
@click.option(
    "--collection-type",
    type=click.Choice(
        ["RUN", "TAGGED", "CHAINED", "CALIBRATION"], case_sensitive=False
    ),
    multiple=True,
    help="Only collections of this type.",
)
@click.option("--show-parents", is_flag=True, help="Also the chains that search them.")
@click.option("--show-dataset-types", "-t", is_flag=True, help="Also what they hold.")
@click.option(
    "--show-governors",
    is_flag=True,
    help="Also the instruments and sky maps of what they hold.",
)
@click.option("--tree", is_flag=True, help="Show chains as trees.")
@format_option
def query_collections(
    repo: str,
    globs: tuple[str, ...],
    *,
    collection_type: tuple[str, ...],
    show_parents: bool,
    show_dataset_types: bool,
    show_governors: bool,
    tree: bool,
    output_format: OutputFormat,
) -> None:
    """List collections, with their children.

    Those whose names are, or match, one of GLOB, patterns of * and ?; all of them
    without it. What a collection holds is looked up, and so is right also after
    datasets were removed.

    \b
    Examples:
      pantler query-collections my-repository 'DemoCam/*' --collection-type RUN
      pantler query-collections my-repository demo --tree
    """
    from pantler.butler.interface import Butler
    from pantler.datasets.collection import CollectionType

    if tree and output_format != "table":
        raise InvalidInputError("A tree is for people: leave out --format, or --tree.")
    shown = {
        "parents": show_parents,
        "dataset_types": show_dataset_types,
        "governors": show_governors,
    }
    patterns = globs or ("*",)
    with Butler.open(repo) as butler:
        known = butler.collections
        found = known.query(patterns, types=collection_type or CollectionType)
        names = [] if found else [c.name for c in known.query()]
        if tree:
            for line in _trees(known, found):
                click.echo(safe_text(line))
        else:
            rows = [_row(known, one, shown) for one in found]
            columns = [
                "name",
                "type",
                "children",
                *(name for name, is_shown in shown.items() if is_shown),
                *(["doc"] if any(one.doc for one in found) else []),
            ]
            print_rows(rows, columns, output_format)
    if not found:
        click.echo(_why_none(patterns, names), err=True)


def _row(known: Collections, one: Collection, shown: dict[str, bool]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": one.name,
        "type": one.type.name,
        "children": one.children,
        "doc": one.doc,
    }
    if shown["parents"]:
        row["parents"] = known.parents(one)
    if shown["governors"]:
        summary = known.summary(one)
        row["dataset_types"] = summary.dataset_types
        row["governors"] = [
            f"{name}={value}"
            for name, values in summary.governors.items()
            for value in values
        ]
    elif shown["dataset_types"]:
        row["dataset_types"] = known.dataset_types(one)
    return row


def _trees(known: Collections, found: Iterable[Collection]) -> Iterator[str]:
    """Yield a line for each collection, and below it for each that it searches."""
    everything = {one.name: one for one in known.query()}
    for one in found:
        yield from _branch(everything, one, "", "")


def _branch(
    everything: dict[str, Collection], one: Collection, first: str, rest: str
) -> Iterator[str]:
    doc = f": {one.doc}" if one.doc else ""
    yield f"{first}{one.name} ({one.type.name}){doc}"
    for place, name in enumerate(one.children, 1):
        is_last = place == len(one.children)
        yield from _branch(
            everything,
            everything[name],
            rest + ("└─ " if is_last else "├─ "),
            rest + ("   " if is_last else "│  "),
        )


def _why_none(patterns: Sequence[str], names: Sequence[str]) -> str:
    from pantler.butler.selection import matching

    if not names:
        return "The repository has no collections."
    wanted = " or ".join(f"'{pattern}'" for pattern in patterns)
    if matching(dict.fromkeys(names), patterns):
        return f"No collection that matches {wanted} is of that type."
    hints = "".join(close_match(pattern, names) for pattern in patterns[:1])
    return f"No collection matches {wanted}.{hints}"
