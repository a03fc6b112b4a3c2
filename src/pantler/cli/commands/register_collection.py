"""``pantler register-collection``."""

from __future__ import annotations

import click

from pantler.cli import options
from pantler.errors import CollectionNotFoundError


@click.command()
@options.repository
@click.argument("name")
@click.option(
    "--type",
    "kind",
    type=click.Choice(
        ["RUN", "TAGGED", "CHAINED", "CALIBRATION"], case_sensitive=False
    ),
    help="What kind of collection it is; RUN if it is new and nothing is said.",
)
@click.option("--doc", help="What is in it, in a sentence.")
def register_collection(
    repo: str, name: str, *, kind: str | None, doc: str | None
) -> None:
    """Make a collection, or say what is in one.

    If NAME is there, of that type, it stays, with the words of --doc if there are any.
    Without --type, it may be there with any.

    \b
    Example:
      pantler register-collection my-repository u/me/good --type TAGGED \\
          --doc "Visits without clouds"
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo, writeable=True) as butler, butler.transaction():
        if kind is None:
            try:
                kind = butler.collections.get(name).type.name
            except CollectionNotFoundError:
                kind = "RUN"
        is_new = butler.collections.register(name, kind, doc or "")
        if doc is not None:
            butler.collections.set_doc(name, doc)
    if is_new:
        click.echo(f"Made the {kind.upper()} collection '{name}'.")
    elif doc is None:
        click.echo(f"'{name}' was there already.")
    else:
        click.echo(f"'{name}' was there already; now it says what is in it.")
