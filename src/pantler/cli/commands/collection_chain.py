"""``pantler collection-chain``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pantler.cli import options
from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.butler.collections import Collections


@click.command()
@options.repository
@click.argument("parent")
@click.argument("children", nargs=-1)
@click.option(
    "--mode",
    type=click.Choice(
        ["redefine", "extend", "prepend", "remove", "pop"], case_sensitive=False
    ),
    default="redefine",
    show_default=True,
    help="What to do with the children.",
)
@click.option(
    "--flatten",
    is_flag=True,
    help="In place of chains among the children, take what they search.",
)
def collection_chain(
    repo: str, parent: str, children: tuple[str, ...], *, mode: str, flatten: bool
) -> None:
    """Change what a chain searches.

    PARENT is the chain, made if need be, and CHILDREN are collections, in order:

    \b
    redefine  it searches just these
    extend    it searches these last
    prepend   it searches these first
    remove    it searches these no more
    pop       CHILDREN are places in the chain, from 0: it searches those
              no more; the first one, if none is given

    \b
    Examples:
      pantler collection-chain my-repository demo/best demo/b demo/a
      pantler collection-chain my-repository demo/best demo/c --mode prepend
    """
    from pantler.butler.interface import Butler

    names = [part for text in children for part in text.split(",") if part]
    with Butler.open(repo, writeable=True) as butler, butler.transaction():
        known = butler.collections
        if mode == "pop":
            known.remove_from_chain(parent, _at(known, parent, names))
        else:
            if flatten:
                names = [one.name for one in known.flatten(names)]
            change = {
                "redefine": known.chain,
                "extend": known.extend,
                "prepend": known.prepend,
                "remove": known.remove_from_chain,
            }[mode]
            change(parent, names)
        left = known.get(parent).children
    click.echo(f"'{parent}' searches {', '.join(left) or 'nothing'}.")


def _at(known: Collections, parent: str, places: Sequence[str]) -> list[str]:
    """Return the children at some places of a chain."""
    children = known.get(parent).children
    try:
        return [children[int(place)] for place in places or ("0",)]
    except ValueError:
        raise InvalidInputError(
            f"{', '.join(places)}: with --mode pop, say places in the chain, from 0."
        ) from None
    except IndexError:
        raise InvalidInputError(
            f"'{parent}' has no child at {', '.join(places) or '0'}: it searches "
            f"{len(children)}."
        ) from None
