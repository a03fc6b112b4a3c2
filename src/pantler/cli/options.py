"""Options that several commands share."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_args

import click

from pantler.errors import InvalidInputError, close_match
from pantler.storage.interface import TransferMode

if TYPE_CHECKING:
    import polars as pl

    from pantler.queries.results import Results

Found = TypeVar("Found", bound="Results[Any]")
Command = TypeVar("Command", bound="Callable[..., Any]")

MOST_ROWS: Final = 2**63 - 1
"""As far as a database can count."""

MOST_PROCESSES: Final = 1024
"""More workers on one machine are a mistake of the keyboard."""


class _Name(click.ParamType[str]):
    """A name: text that is not empty and can be stored."""

    name = "text"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """Return the name, or complain."""
        text = str(value)
        if not text.strip():
            self.fail("A name is missing.", param, ctx)
        if not text.isprintable():
            self.fail(f"{text!a} is not a name.", param, ctx)
        return text


NAME: Final = _Name()


class _PositiveNumber(click.ParamType[float]):
    """A finite number above 0."""

    name = "float"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the number, or complain."""
        number: float = click.FLOAT.convert(value, param, ctx)
        if not 0 < number < math.inf:
            self.fail(f"{value} is not a finite number above 0.", param, ctx)
        return number


POSITIVE_NUMBER: Final = _PositiveNumber()

_TRANSFER_HELP: Final = (
    "How the files come in. link makes a hard link where there can be one and a "
    "symbolic one elsewhere; direct leaves them where they are; in-place takes files "
    "that are in the datastore's folder already; auto does so too, and copies others."
)


def names_option(*flags: str, **more: Any) -> Callable[[Command], Command]:
    """Return an option that takes names, separated by commas, any number of times.

    The command gets one list of names.
    """
    return click.option(
        *flags, multiple=True, metavar="NAME[,NAME...]", callback=_split, **more
    )


def _split(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> list[str]:
    parts = (part.strip() for text in texts for part in text.split(","))
    return [NAME.convert(part, parameter, context) for part in parts if part]


def repository(function: Command) -> Command:
    """Add the argument REPO."""
    return click.argument("repo", type=click.Path())(function)


def collections(function: Command) -> Command:
    """Add ``--collections``."""
    return names_option("--collections", "-i", help="Collections to search, in order.")(
        function
    )


def transfer(function: Command) -> Command:
    """Add ``--transfer``."""
    return click.option(
        "--transfer",
        "-t",
        type=click.Choice(get_args(TransferMode)),
        default="copy",
        show_default=True,
        help=_TRANSFER_HELP,
    )(function)


def where(function: Command) -> Command:
    """Add ``--where``."""
    return click.option(
        "--where",
        "-d",
        default="",
        metavar="EXPRESSION",
        help="What must hold, such as \"visit > 100 AND band IN ('g', 'r')\".",
    )(function)


@dataclass(frozen=True, slots=True)
class RowChoice:
    """Which rows of a result to print.

    Parameters
    ----------
    order_by
        Columns, those with a '-' descending.
    limit
        How many at most; None for all.
    explain
        Whether to print how they are found instead.
    """

    order_by: list[str]
    limit: int | None
    explain: bool

    def of(self, results: Found) -> Found:
        """Return the rows, in the order that was asked for."""
        if self.order_by:
            results = results.order_by(*self.order_by)
        return results if self.limit is None else results.limit(self.limit)

    def counted(self, results: Results[Any], columns: list[str]) -> pl.DataFrame:
        """Return how many rows there are for each value of some columns."""
        if self.explain:
            raise InvalidInputError(
                "Rows are explained, not counts: leave out --count-by, or --explain."
            )
        frame = results.count(by=columns)
        for term in reversed(self.order_by):
            name = term.lstrip("-")
            if name not in frame.columns:
                raise InvalidInputError(
                    f"Counts cannot be ordered by '{name}', only by "
                    f"{', '.join(frame.columns)}.{close_match(name, frame.columns)}"
                )
            frame = frame.sort(
                name, descending=term.startswith("-"), maintain_order=True
            )
        return frame.head(self.limit) if self.limit is not None else frame


@dataclass(frozen=True, slots=True)
class TableChoice(RowChoice):
    """Which rows of a result to print, and which columns.

    Parameters
    ----------
    columns
        Those to show beside what a row is.
    count_by
        Those for each of whose values rows are counted; none to print rows.
    """

    columns: list[str]
    count_by: list[str]


@dataclass(frozen=True, slots=True)
class PipelineChoice:
    """Which pipeline, configured how.

    Parameters
    ----------
    pipeline
        Its file, or package and file; None if it was not said.
    tasks
        Only these labels and subsets, if any.
    config
        Texts ``LABEL:KEY=VALUE``.
    instrument
        Whose overrides to apply; None for the pipeline's own.
    """

    pipeline: str | None
    tasks: list[str]
    config: tuple[str, ...]
    instrument: str | None


@dataclass(frozen=True, slots=True)
class DataChoice:
    """On which data a pipeline runs, and where its outputs go.

    Parameters
    ----------
    inputs
        Collections to search, in order.
    output
        The chain of the outputs, if any.
    output_run
        The run of the outputs, if it was named.
    where
        What must hold of the data.
    """

    inputs: list[str]
    output: str | None
    output_run: str | None
    where: str


Option = Callable[[Any], Any]


def gathered(
    parameter: str, kind: type[object], added: tuple[Option, ...]
) -> Callable[[Command], Command]:
    """Return a decorator that adds options, of which the command gets one object.

    Parameters
    ----------
    parameter
        The name of the command's parameter.
    kind
        A dataclass; its fields are named like the options.
    added
        The options, in the order of the help.
    """

    def add(function: Command) -> Command:
        @functools.wraps(function)
        def gathering(**values: Any) -> Any:
            names = [field.name for field in fields(cast("Any", kind))]
            made = kind(**{name: values.pop(name) for name in names})
            return function(**values, **{parameter: made})

        command: Any = gathering
        for option in reversed(added):
            command = option(command)
        return cast("Command", command)

    return add


def count_by(function: Command) -> Command:
    """Add ``--count-by``."""
    return _COUNT_BY(function)


def rows(function: Command) -> Command:
    """Add ``--order-by``, ``--limit`` and ``--explain``.

    They arrive as a `RowChoice`, ``rows``.
    """
    return gathered("rows", RowChoice, _ROW_OPTIONS)(function)


def table(function: Command) -> Command:
    """Add what `rows` adds, ``--columns`` and ``--count-by``.

    They arrive as a `TableChoice`, ``table``.
    """
    added = (_COLUMNS, _COUNT_BY, *_ROW_OPTIONS)
    return gathered("table", TableChoice, added)(function)


def plan(function: Command) -> Command:
    """Add the options that say what to run on which data.

    They arrive as ``pipeline``, a `PipelineChoice`, and ``data``, a `DataChoice`.
    """
    function = gathered("data", DataChoice, _DATA_OPTIONS)(function)
    return gathered("pipeline", PipelineChoice, _PIPELINE_OPTIONS)(function)


_COLUMNS = names_option(
    "--columns",
    help="Columns to show too, such as visit.exposure_time; of datasets also "
    "ingest_time, size, collection.",
)

_COUNT_BY = names_option(
    "--count-by", help="Print how many there are for each value of these columns."
)

_ROW_OPTIONS = (
    names_option(
        "--order-by", help="Columns to order by; '-' before one for descending."
    ),
    click.option(
        "--limit",
        type=click.IntRange(min=0, max=MOST_ROWS),
        help="Print at most this many rows.",
    ),
    click.option(
        "--explain",
        is_flag=True,
        help="Print how the rows are found, and how long each step takes.",
    ),
)

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
        type=NAME,
        metavar="NAME",
        help="Apply the configuration that suits this instrument.",
    ),
)

_DATA_OPTIONS = (
    names_option("--inputs", "-i", help="Collections to search for inputs, in order."),
    click.option(
        "--output",
        "-o",
        type=NAME,
        metavar="CHAIN",
        help="CHAINED collection of the outputs, before the inputs.",
    ),
    click.option(
        "--output-run",
        type=NAME,
        metavar="RUN",
        help="RUN collection of the outputs; CHAIN/TIME if left out.",
    ),
    where,
)
