"""``pantler remove-collections``."""

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
def remove_collections(
    repo: str, globs: tuple[str, ...], *, unlink: bool, dry_run: bool, yes: bool
) -> None:
    """Remove TAGGED, CALIBRATION and CHAINED collections.

    Those whose names are, or match, one of GLOB, patterns of * and ?. No dataset goes:
    remove-runs removes RUN collections with theirs.

    \b
    Example:
      pantler remove-collections my-repository 'u/me/*' --dry-run
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo, writeable=not dry_run) as butler:
        plan = butler.plan_removal(collections=globs)
        show_plan(plan)
        if not unlink:
            plan.refuse_linked()
        if is_agreed("Remove them?", dry_run=dry_run, yes=yes):
            plan.apply(unlink=unlink)
            say_removed(plan)
