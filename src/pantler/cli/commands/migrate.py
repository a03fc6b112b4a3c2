"""``pantler migrate``."""

from __future__ import annotations

from contextlib import closing

import click

from pantler.cli import options
from pantler.cli.progress import StepProgress
from pantler.cli.removing import is_agreed


@click.command()
@options.repository
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--sql", is_flag=True, help="Show the statements, too.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
def migrate(repo: str, *, dry_run: bool, sql: bool, yes: bool) -> None:
    """Bring a repository to the version of this pantler.

    It shows the version that the repository has and the steps that lead to the newest,
    and asks. A registry in an SQLite file is copied first. Each step is done as a
    whole or not at all. It says whether others may go on working meanwhile; otherwise
    let them end first, and update their pantler, too.

    \b
    Example:
      pantler migrate my-repository --dry-run
    """
    from pantler.butler.migration import open_migration

    with closing(open_migration(repo, writeable=not dry_run)) as migration:
        if not migration.titles:
            click.echo(f"Version {migration.current}: up to date.")
            return
        click.echo(f"From version {migration.current} to {migration.target}:")
        for title in migration.titles:
            click.echo(f"  {title}")
        if sql:
            for statement in migration.statements():
                click.echo(f"\n{statement};")
        click.echo(
            "Others may go on working meanwhile."
            if migration.is_online
            else "Nobody else may be working with it meanwhile."
        )
        if not is_agreed("Do it?", dry_run=dry_run, yes=yes):
            return
        copy = migration.back_up()
        if copy:
            click.echo(f"A copy of the old one is '{copy}'.")
        migration.run(StepProgress())
        click.echo(f"Version {migration.target}: done.")
