"""Why commands find no datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.queries.results import DatasetResults

_MOST_EXPLAINED: Final = 3
"""For how many dataset types the reason is given."""


def reasons(empty: Iterable[DatasetResults]) -> list[str]:
    """Return why results have no rows: a line for each of the first few types."""
    some = list(empty)[:_MOST_EXPLAINED]
    return [" ".join([f"{one.dataset_type.name}:", *one.why_empty()]) for one in some]


def say_why_empty(empty: Iterable[DatasetResults]) -> None:
    """Print why results have no rows, beside what a command answers."""
    for reason in reasons(empty):
        click.echo(reason, err=True)
