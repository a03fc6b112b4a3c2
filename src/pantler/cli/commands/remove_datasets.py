"""``pantler remove-datasets``."""

from __future__ import annotations

import click

from pantler.cli import options
from pantler.cli.reasons import say_why_empty
from pantler.cli.removing import is_agreed, removal_options, say_removed, show_plan


@click.command()
@options.repository
@click.argument("globs", nargs=-1, required=True, metavar="GLOB...")
@options.collections
@options.where
@click.option(
    "--find-first/--no-find-first",
    default=None,
    help="Only the first match of each data ID, in the order of the collections; "
    "the default with --collections.",
)
@click.option(
    "--files-only", is_flag=True, help="Keep the datasets known, without their files."
)
@removal_options
def remove_datasets(
    repo: str,
    globs: tuple[str, ...],
    *,
    collections: list[str],
    where: str,
    find_first: bool | None,
    files_only: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Remove datasets and their files.

    Those that query-datasets lists with the same words: of the types whose names match
    one of GLOB, patterns of * and ?, in the collections, where a condition holds. They
    leave all collections. What would go is shown first. Files that were ingested in
    place stay.

    \b
    Examples:
      pantler remove-datasets my-repository src -i demo/run \\
          --where "visit = 3" --dry-run
      pantler remove-datasets my-repository 'warp*' calexp -i demo/run --yes
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo, writeable=not dry_run) as butler:
        found = [
            butler.query_datasets(
                dataset_type,
                collections=collections or None,
                where=where,
                find_first=find_first,
            )
            for dataset_type in butler.dataset_types.find_all(globs)
        ]
        ids = [each for one in found for each in one.to_polars()["dataset_id"]]
        plan = butler.plan_removal(ids, files_only=files_only)
        if plan.is_empty:
            click.echo("No datasets match: there is nothing to remove.")
            say_why_empty([] if ids else found)
            return
        show_plan(plan)
        if is_agreed("Remove them?", dry_run=dry_run, yes=yes):
            plan.apply()
            say_removed(plan)
