"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class CommaList(click.ParamType):
    """Names separated by commas, as ``a,b``."""

    name = "name[,name...]"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> list[str]:
        """Split the text of an option."""
        del param, ctx
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return list(value)


def joined(parts: Iterable[Iterable[str]]) -> list[str]:
    """Return the names of an option that was given any number of times."""
    return [name for part in parts for name in part]


def repository(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument REPO."""
    return click.argument("repo", type=click.Path())(function)


def collections(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--collections``; `joined` makes one list of it."""
    return click.option(
        "--collections",
        "-i",
        type=CommaList(),
        multiple=True,
        help="Collections to search, in order.",
    )(function)


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
    return click.option(
        "--order-by",
        type=CommaList(),
        multiple=True,
        help="Columns to order by; '-' before one for descending.",
    )(function)


def pipeline(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what to run on which data."""
    for option in reversed(_PIPELINE_OPTIONS):
        function = option(function)
    return where(function)


_PIPELINE_OPTIONS = (
    click.option("--pipeline", "-p", help="YAML file, or package.module:file.yaml."),
    click.option(
        "--tasks",
        type=CommaList(),
        multiple=True,
        help="Only these labels or subsets of the pipeline.",
    ),
    click.option(
        "--config",
        "-c",
        multiple=True,
        metavar="LABEL:KEY=VALUE",
        help="Set a configuration value of a task.",
    ),
    click.option(
        "--instrument", help="Apply the configuration of this instrument's tasks."
    ),
    click.option(
        "--inputs",
        "-i",
        type=CommaList(),
        multiple=True,
        help="Collections to search for inputs, in order.",
    ),
    click.option(
        "--output", "-o", help="CHAINED collection of the outputs and their inputs."
    ),
    click.option("--output-run", help="RUN collection; default OUTPUT/TIME."),
)
