"""``pantler query-datasets``."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

import click

from pantler.cli import options
from pantler.cli.output import (
    OutputFormat,
    format_option,
    print_explanation,
    print_frame,
    print_rows,
)
from pantler.cli.reasons import reasons
from pantler.errors import DatasetTypeNotFoundError, close_match

if TYPE_CHECKING:
    import polars as pl

    from pantler.butler.interface import Butler
    from pantler.queries.results import DatasetResults, Results


@click.command()
@options.repository
@click.argument("globs", nargs=-1, metavar="[GLOB]...")
@options.collections
@options.where
@options.table
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
    globs: tuple[str, ...],
    *,
    collections: list[str],
    where: str,
    table: options.TableChoice,
    find_first: bool | None,
    show_uri: bool,
    output_format: OutputFormat,
) -> None:
    """List datasets, a table for each type.

    Those whose types match any GLOB, a name or pattern of * and ?; all without any.
    Without --collections, all datasets of all RUN collections are listed. If there are
    none, the reason is given.

    \b
    Examples:
      pantler query-datasets my-repository raw --where "detector = 2 AND band = 'g'"
      pantler query-datasets my-repository 'coadd*' -i demo/run --show-uri --format json
      pantler query-datasets my-repository raw calexp --count-by band
      pantler query-datasets my-repository raw --columns ingest_time,size --limit 5
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo) as butler:
        shown = {}
        empty = []
        counts = {}
        left = table.limit
        for name in _types(butler, globs):
            results = butler.query_datasets(
                name,
                collections=collections or None,
                where=where,
                find_first=find_first,
            )
            if table.count_by:
                shown[name] = table.counted(results, table.count_by)
                counts[name] = shown[name].height
                continue
            dimensions = results.dataset_type.dimensions.required
            chosen = results.order_by(*(table.order_by or dimensions))
            chosen = chosen if left is None else chosen.limit(left)
            if table.explain:
                rows = _shown(chosen, table.columns)
                print_explanation(rows, output_format, title=name)
                continue
            frame = _frame(butler, chosen, table.columns, show_uri=show_uri)
            left = None if left is None else left - frame.height
            is_counted = left == 0 and output_format == "table"
            counts[name] = results.count() if is_counted else frame.height
            if counts[name]:
                shown[name] = frame
            else:
                empty.append(chosen)
        if table.explain:
            return
        why = [] if shown else reasons(empty)
    if output_format == "table":
        _print_each(shown, counts)
    else:
        _print_all(shown, output_format)
    for reason in why:
        click.echo(reason, err=True)


def _types(butler: Butler, globs: tuple[str, ...]) -> list[str]:
    """Return the names of the dataset types that match.

    Raises
    ------
    DatasetTypeNotFoundError
        If a name or pattern matches none.
    """
    known = [dataset_type.name for dataset_type in butler.dataset_types.all()]
    for glob in globs:
        if known and not fnmatch.filter(known, glob):
            raise DatasetTypeNotFoundError(
                f"No dataset type matches '{glob}'.{close_match(glob, known)}"
            )
    return [n for n in known if any(fnmatch.fnmatchcase(n, g) for g in globs or "*")]


def _heading(name: str, shown: int, count: int) -> str:
    """Return the name of a type, and how many of its datasets are shown."""
    return f"{name} ({count})" if shown == count else f"{name} ({shown} of {count})"


def _shown(results: DatasetResults, columns: list[str]) -> Results[Any]:
    """Return the rows to print."""
    return results.with_columns(*columns) if columns else results


def _frame(
    butler: Butler, results: DatasetResults, columns: list[str], *, show_uri: bool
) -> pl.DataFrame:
    import polars as pl

    table = _shown(results, columns).to_polars()
    if columns:
        prefix = f"{results.dataset_type.name}."
        table = table.rename({f"{prefix}{n}": n for n in ("dataset_id", "run")})
    if show_uri:
        uris = {ref.id.bytes: ", ".join(butler.uris(ref).values()) for ref in results}
        ids = table["dataset_id"].to_list()
        table = table.with_columns(
            pl.Series("uri", [uris[one] for one in ids], dtype=pl.String)
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
