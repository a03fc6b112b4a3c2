"""``pantler remove-dimension-records``."""

from __future__ import annotations

import click

from pantler.cli import options
from pantler.cli.output import print_frame
from pantler.cli.removing import is_agreed, removal_options, show_plan
from pantler.errors import InvalidInputError


@click.command()
@options.repository
@click.argument("element")
@options.where
@click.option(
    "--cascade",
    is_flag=True,
    help="Remove also all records and datasets that depend on them.",
)
@removal_options
def remove_dimension_records(
    repo: str, element: str, *, where: str, cascade: bool, dry_run: bool, yes: bool
) -> None:
    """Remove records of a dimension.

    The records of ELEMENT, such as exposure or detector, for which the condition of
    --where holds. Other records and datasets may depend on them: with --cascade these
    are shown first, and go too; without, nothing goes.

    \b
    Example:
      pantler remove-dimension-records my-repository exposure \\
          --where "exposure = 13" --cascade --dry-run
    """
    from pantler.butler.interface import Butler

    if not where.strip():
        raise InvalidInputError("Say by --where which records are to be removed.")
    with Butler.open(repo, writeable=not dry_run) as butler:
        found = butler.query_dimension_records(element, where=where)
        plan = butler.dimensions.plan_removal(element, found)
        if plan.is_empty:
            click.echo("No records match: there is nothing to remove.")
            return
        if not cascade:
            plan.refuse_used()
        click.echo("These records go:")
        print_frame(plan.rows.select(butler.universe[element].required), "table")
        click.echo()
        click.echo(plan.text(with_datasets=False))
        if plan.datasets is not None:
            click.echo()
            show_plan(plan.datasets)
        if is_agreed("Remove all of this?", dry_run=dry_run, yes=yes):
            plan.apply(cascade=cascade)
            click.echo("Removed.")
