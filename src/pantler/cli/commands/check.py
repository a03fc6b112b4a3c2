"""``pantler check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from pantler.cli import options
from pantler.cli.output import OutputFormat, format_option, print_rows
from pantler.errors import StorageError, counted

if TYPE_CHECKING:
    from pantler.butler.check import CheckReport


@click.command()
@options.repository
@click.option(
    "--repair", is_flag=True, help="Remove unfinished files and unrecorded ones."
)
@click.option(
    "--deep", is_flag=True, help="Read all files, and compare their checksums."
)
@format_option
def check(repo: str, *, repair: bool, deep: bool, output_format: OutputFormat) -> None:
    """Find what killed programs left, and lost files.

    A killed program leaves unfinished files, and files that no record names; neither
    can be seen as datasets, and --repair removes them. It cannot know whose a file
    is: one of your own in the folder of datasets is removed too. Without it, the
    files of a run that is at work are listed too. The exit code is 6 if the file of a
    recorded dataset is missing or is not as it was recorded: sizes are always
    compared, checksums with --deep.

    \b
    Example:
      pantler check my-repository --repair
    """
    from pantler.butler.repository import Repository

    with Repository.open(repo, writeable=repair) as repository:
        report = repository.check(repair=repair, deep=deep)
    rows = _rows(report)
    if rows or output_format != "table":
        print_rows(rows, ["problem", "dataset", "file"], output_format)
    if output_format == "table":
        _advise(report)
    if report.damaged:
        raise click.exceptions.Exit(StorageError.exit_code)


def _rows(report: CheckReport) -> list[dict[str, Any]]:
    return [
        *(
            {"problem": "unfinished", "dataset": "", "file": f}
            for f in report.unfinished
        ),
        *({"problem": "no record", "dataset": "", "file": f} for f in report.orphans),
        *(
            {
                "problem": "UUID without a dataset",
                "dataset": str(UUID(bytes=i)),
                "file": "",
            }
            for i in report.left_over
        ),
        *(
            {"problem": d.problem, "dataset": str(d.ref), "file": d.uri}
            for d in report.damaged
        ),
        *(
            {"problem": f"cannot be looked at: {why}", "dataset": "", "file": path}
            for path, why in report.odd.items()
        ),
    ]


def _advise(report: CheckReport) -> None:
    if report.repaired and report.remains:
        verb = "was" if report.remains == 1 else "were"
        click.echo(f"{counted(report.remains, 'file')} {verb} removed.")
    elif report.remains:
        verb, them = ("is", "it") if report.remains == 1 else ("are", "them")
        click.echo(
            f"{counted(report.remains, 'file')} {verb} not recorded or unfinished: "
            f"--repair removes {them}, whoever put {them} there."
        )
    if report.left_over:
        what = counted(len(report.left_over), "UUID")
        click.echo(
            f"{what} without a dataset: removed."
            if report.repaired
            else f"{what} without a dataset: --repair removes what is left."
        )
    if report.unused_data_ids:
        what = counted(report.unused_data_ids, "data ID")
        click.echo(f"{what} of removed datasets: forgotten.")
    if report.damaged:
        click.echo(f"{counted(len(report.damaged), 'dataset')} cannot be read.")
    if report.odd:
        click.echo(f"{counted(len(report.odd), 'place')} cannot be looked at.")
    if report.without_files:
        verb = "is" if report.without_files == 1 else "are"
        click.echo(
            f"{counted(report.without_files, 'dataset')} {verb} known without files, "
            "which were removed alone."
        )
    if not (report.remains or report.left_over or report.damaged or report.odd):
        other = "other " if report.without_files else ""
        click.echo(f"Every {other}dataset has its file, and every file its dataset.")
