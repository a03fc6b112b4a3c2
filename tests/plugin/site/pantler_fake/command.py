"""A command of one's own."""

from __future__ import annotations

import click


@click.command()
@click.argument("name")
def recite(name: str) -> None:
    """Say a line to NAME."""
    click.echo(f"An old silent pond, {name}.")
