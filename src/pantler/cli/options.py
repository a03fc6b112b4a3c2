"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


def names_option(
    *flags: str, **more: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return an option that takes names, separated by commas, any number of times.

    The command gets one list of names.
    """
    return click.option(
        *flags, multiple=True, metavar="NAME[,NAME...]", callback=_split, **more
    )


def _split(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> list[str]:
    del context, parameter
    parts = (part.strip() for text in texts for part in text.split(","))
    return [part for part in parts if part]


def repository(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument REPO."""
    return click.argument("repo", type=click.Path())(function)


def collections(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--collections``."""
    return names_option("--collections", "-i", help="Collections to search, in order.")(
        function
    )


def where(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--where``."""
    return click.option(
        "--where",
        "-d",
        default="",
        metavar="EXPRESSION",
        help="What must hold, such as \"visit > 100 AND band IN ('g', 'r')\".",
    )(function)


def order_and_limit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--order-by`` and ``--limit``."""
    function = click.option(
        "--limit", type=click.IntRange(min=0), help="Print at most this many rows."
    )(function)
    return names_option(
        "--order-by", help="Columns to order by; '-' before one for descending."
    )(function)


def pipeline(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what to run on which data."""
    for option in reversed(_PIPELINE_OPTIONS):
        function = option(function)
    return where(function)


_PIPELINE_OPTIONS = (
    click.option(
        "--pipeline",
        "-p",
        metavar="FILE",
        help="YAML file, or package.module:file.yaml of an installed package.",
    ),
    names_option("--tasks", help="Only these labels or subsets of the pipeline."),
    click.option(
        "--config",
        "-c",
        multiple=True,
        metavar="LABEL:KEY=VALUE",
        help="Set a configuration value of a task; may be given again.",
    ),
    click.option(
        "--instrument",
        metavar="NAME",
        help="Apply the configuration that suits this instrument.",
    ),
    names_option("--inputs", "-i", help="Collections to search for inputs, in order."),
    click.option(
        "--output",
        "-o",
        metavar="CHAIN",
        help="CHAINED collection of the outputs, before the inputs.",
    ),
    click.option(
        "--output-run",
        metavar="RUN",
        help="RUN collection of the outputs; CHAIN/TIME if left out.",
    ),
)
