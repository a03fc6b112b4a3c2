"""``pantler define-visits``."""

from __future__ import annotations

import click

from pantler.cli import options


@click.command()
@options.repository
@click.argument("instrument", required=False)
@options.collections
@options.where
def define_visits(
    repo: str,
    instrument: str | None,
    *,
    collections: list[str],
    where: str,
) -> None:
    """Define visits from exposures of the sky.

    Each exposure of INSTRUMENT that saw the sky becomes a visit, with the region that
    each detector saw. Visits that are there already stay. INSTRUMENT need not be
    named where there is just one. A frame without celestial coordinates is left out
    and named, and the exit code is then 2.

    \b
    Example:
      pantler define-visits my-repository
    """
    from pantler.butler.repository import Repository
    from pantler.cli.instruments import choose_instrument
    from pantler.ingest.visits import define_visits as define

    with Repository.open(repo, writeable=True) as repository:
        report = define(
            repository,
            choose_instrument(repository, instrument),
            collections=collections or None,
            where=where,
        )
    click.echo(report.summary())
    if report.failed:
        raise click.exceptions.Exit(2)
