"""``pantler register-instrument``."""

from __future__ import annotations

import click

from pantler.cli import options


@click.command()
@options.repository
@click.argument("instruments", nargs=-1, required=True, metavar="INSTRUMENT...")
@click.option("--update", is_flag=True, help="Replace records that have changed.")
def register_instrument(repo: str, instruments: tuple[str, ...], update: bool) -> None:
    """Add cameras: their detectors and filters.

    INSTRUMENT is the name of an installed instrument plugin, such as demo.

    \b
    Example:
      pantler register-instrument my-repository arcsat
    """
    from pantler.butler.repository import Repository
    from pantler.ingest.registration import register_instrument as register
    from pantler.instruments.instrument import get_instrument

    loaded = [get_instrument(name) for name in instruments]
    with Repository.open(repo, writeable=True) as repository:
        for instrument in loaded:
            register(repository, instrument, update=update)
            click.echo(f"Registered {instrument.name}.")
