"""``pantler register-collection``."""

from __future__ import annotations

import click

from pantler.cli import options


@click.command()
@options.repository
@click.argument("name")
@click.option(
    "--type",
    "kind",
    type=click.Choice(
        ["RUN", "TAGGED", "CHAINED", "CALIBRATION"], case_sensitive=False
    ),
    default="RUN",
    show_default=True,
    help="What kind of collection it is.",
)
@click.option("--doc", help="What is in it, in a sentence.")
def register_collection(repo: str, name: str, *, kind: str, doc: str | None) -> None:
    """Make a collection, or say what is in one.

    If NAME is there, of that type, it stays, with the words of --doc if there are any.

    \b
    Example:
      pantler register-collection my-repository u/me/good --type TAGGED \\
          --doc "Visits without clouds"
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo, writeable=True) as butler, butler.transaction():
        is_new = butler.collections.register(name, kind, doc or "")
        if doc is not None:
            butler.collections.set_doc(name, doc)
    if is_new:
        click.echo(f"Made the {kind.upper()} collection '{name}'.")
    elif doc is None:
        click.echo(f"'{name}' was there already.")
    else:
        click.echo(f"'{name}' was there already; now it says what is in it.")
