"""What commands that remove things have in common: they show, ask, and then do it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from pantler.cli.output import terminal_width
from pantler.cli.tables import table
from pantler.errors import InvalidInputError, counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantler.butler.removal import RemovalPlan

_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB", "PB")


def removal_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--dry-run`` and ``--yes`` to a command."""
    yes = click.option("--yes", is_flag=True, help="Do it without asking.")
    dry = click.option(
        "--dry-run", is_flag=True, help="Only show what would be removed."
    )
    return dry(yes(function))


unlink_option = click.option(
    "--unlink",
    is_flag=True,
    help="Take them out of the chains that search them, which would keep them.",
)


def is_agreed(question: str, *, dry_run: bool, yes: bool) -> bool:
    """Return whether to go on, having asked if nobody said so.

    Raises
    ------
    InvalidInputError
        If nobody can be asked.
    """
    if dry_run:
        click.echo("This was a dry run: nothing was changed.")
        return False
    if yes:
        return True
    if not sys.stdin.isatty():
        raise InvalidInputError(
            "Nothing was changed: there is nobody here to be asked. Look at it with "
            "--dry-run, and do it with --yes."
        )
    if click.confirm(question, default=False):
        return True
    click.echo("Nothing was changed.")
    return False


def show_plan(plan: RemovalPlan) -> None:
    """Print what a removal would remove."""
    others = [one for one in plan.collections if one.name not in plan.runs]
    if plan.dataset_count:
        click.echo(
            "These datasets lose their files, and stay known:"
            if plan.files_only
            else "These datasets go, with their files:"
        )
        rows = [
            [
                row["run"],
                row["dataset_type"],
                row["datasets"],
                row["stored"],
                size_text(row["size_bytes"]),
            ]
            for row in plan.datasets.iter_rows(named=True)
        ]
        titles = ["run", "dataset type", "datasets", "with files", "size"]
        click.echo(table(titles, rows, terminal_width()))
        click.echo()
    if plan.members.height:
        click.echo("Other collections lose some of them:")
        titles = ["collection", "dataset type", "datasets"]
        click.echo(table(titles, plan.members.rows(), terminal_width()))
        click.echo()
    if plan.runs:
        click.echo(
            f"The run {_listed(plan.runs)} goes too."
            if len(plan.runs) == 1
            else f"The runs {_listed(plan.runs)} go too."
        )
    if others:
        for one in others:
            click.echo(f"'{one.name}' goes ({one.type.name}); its datasets stay.")
    for name, chains in plan.parents.items():
        click.echo(f"'{name}' is searched by {_listed(chains)}.")


def say_removed(plan: RemovalPlan) -> None:
    """Print what has been removed."""
    parts = []
    if plan.dataset_count or not plan.collections:
        what = "the files of " if plan.files_only else ""
        parts.append(f"{what}{counted(plan.dataset_count, 'dataset')}")
    if plan.runs:
        parts.append(f"{len(plan.runs)} {_run(len(plan.runs))}")
    others = len(plan.collections) - len(plan.runs)
    if others:
        parts.append(counted(others, "collection"))
    click.echo(f"Removed {' and '.join(parts)}.")


def size_text(size_bytes: int) -> str:
    """Return a number of bytes as people say it.

    Examples
    --------
    >>> size_text(999), size_text(1500), size_text(2_340_000_000)
    ('999 bytes', '1.5 kB', '2.3 GB')
    """
    size, unit = float(size_bytes), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    if unit and size < 9.95:
        return f"{size:.1f} {_UNITS[unit]}"
    return f"{size:.0f} {_UNITS[unit]}"


def _run(count: int) -> str:
    return "run" if count == 1 else "runs"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)
