"""``pantler remove-runs``."""

from __future__ import annotations

import click

from pantler.cli import options
from pantler.cli.removing import (
    is_agreed,
    removal_options,
    say_removed,
    show_plan,
    unlink_option,
)


@click.command()
@options.repository
@click.argument("globs", nargs=-1, required=True, metavar="GLOB...")
@unlink_option
@removal_options
def remove_runs(
    repo: str, globs: tuple[str, ...], *, unlink: bool, dry_run: bool, yes: bool
) -> None:
    """Remove runs, with all their datasets and files.

    Those whose names are, or match, one of GLOB, patterns of * and ?. Their datasets
    leave all collections. What would go is shown first. Datasets go 10,000 at once:
    after an interruption, the same command goes on.

    \b
    Examples:
      pantler remove-runs my-repository 'u/me/trial*' --dry-run
      pantler remove-runs my-repository demo/20260101T120000 --unlink --yes
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo, writeable=not dry_run) as butler:
        plan = butler.plan_removal(runs=globs)
        show_plan(plan)
        if not unlink:
            plan.refuse_linked()
        if is_agreed("Remove all of this?", dry_run=dry_run, yes=yes):
            plan.apply(unlink=unlink)
            say_removed(plan)
