"""``pantler query-datasets``."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

import click

from pantler.cli import options
from pantler.cli.output import OutputFormat, format_option, print_frame, print_rows
from pantler.errors import DatasetTypeNotFoundError, close_match

if TYPE_CHECKING:
    import polars as pl

    from pantler.butler.interface import Butler
    from pantler.queries.results import DatasetResults

_MOST_EXPLAINED = 3
"""For how many types the reason is given, if no dataset of any matches."""


@click.command()
@options.repository
@click.argument("glob", default="*")
@options.collections
@options.where
@options.rows
@click.option(
    "--find-first/--no-find-first",
    default=None,
    help="Only the first match of each data ID, in the order of the collections; "
    "the default with --collections.",
)
@click.option("--show-uri", is_flag=True, help="Also where the files are.")
@format_option
def query_datasets(
    repo: str,
    glob: str,
    *,
    collections: list[str],
    where: str,
    rows: options.RowChoice,
    find_first: bool | None,
    show_uri: bool,
    output_format: OutputFormat,
) -> None:
    """List datasets, a table for each type.

    Those whose types match GLOB, a pattern of * and ?; all of them without it.
    Without --collections, all datasets of all RUN collections are listed. If there are
    none, the reason is given.

    \b
    Examples:
      pantler query-datasets my-repository raw --where "detector = 2 AND band = 'g'"
      pantler query-datasets my-repository 'coadd*' -i demo/run --show-uri --format json
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo) as butler:
        shown = {}
        reasons: list[str] = []
        counts = {}
        left = rows.limit
        for name in _types(butler, glob):
            results = butler.query_datasets(
                name,
                collections=collections or None,
                where=where,
                find_first=find_first,
            )
            dimensions = results.dataset_type.dimensions.required
            chosen = results.order_by(*(rows.order_by or dimensions))
            chosen = chosen if left is None else chosen.limit(left)
            table = _table(butler, chosen, show_uri=show_uri)
            left = None if left is None else left - table.height
            is_counted = left == 0 and output_format == "table"
            counts[name] = results.count() if is_counted else table.height
            if counts[name]:
                shown[name] = table
            elif not shown and len(reasons) < _MOST_EXPLAINED:
                reasons.append(" ".join([f"{name}:", *chosen.why_empty()]))
    if output_format == "table":
        _print_each(shown, counts)
    else:
        _print_all(shown, output_format)
    if not shown:
        for reason in reasons:
            click.echo(reason, err=True)


def _types(butler: Butler, glob: str) -> list[str]:
    known = [dataset_type.name for dataset_type in butler.dataset_types.all()]
    found = [name for name in known if fnmatch.fnmatchcase(name, glob)]
    if not found and known:
        raise DatasetTypeNotFoundError(
            f"No dataset type matches '{glob}'.{close_match(glob, known)}"
        )
    return found


def _heading(name: str, shown: int, count: int) -> str:
    """Return the name of a type, and how many of its datasets are shown."""
    return f"{name} ({count})" if shown == count else f"{name} ({shown} of {count})"


def _table(butler: Butler, results: DatasetResults, *, show_uri: bool) -> pl.DataFrame:
    import polars as pl

    table = results.to_polars()
    if show_uri:
        table = table.with_columns(
            pl.Series(
                "uri",
                [", ".join(butler.uris(ref).values()) for ref in results],
                dtype=pl.String,
            )
        )
    spans = [column for column in table.columns if column.startswith("timespan_")]
    empty = [column for column in spans if table[column].null_count() == table.height]
    return table.drop(empty)


def _print_each(tables: dict[str, pl.DataFrame], counts: dict[str, int]) -> None:
    """Print a table for each type, for people."""
    for name, table in tables.items():
        click.secho(_heading(name, table.height, counts[name]), bold=True)
        if table.height:
            print_frame(table, "table")
        click.echo()
    if not tables:
        click.echo("No datasets match.")


def _print_all(tables: dict[str, pl.DataFrame], output_format: OutputFormat) -> None:
    """Print the tables of several types as one, for programs."""
    import polars as pl

    if not tables:
        print_rows([], ["dataset_type", "dataset_id", "run"], output_format)
        return
    marked = [
        table.select(pl.lit(name).alias("dataset_type"), pl.all())
        for name, table in tables.items()
    ]
    print_frame(pl.concat(marked, how="diagonal"), output_format)
