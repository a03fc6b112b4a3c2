"""How a query is answered: the statement, what the database does, and what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PlanStep:
    """A step of the answer, as it was done.

    Parameters
    ----------
    what
        What is done, in words.
    is_in_database
        Whether the database does it; otherwise this process.
    rows
        How many there were after it.
    seconds
        How long it took.
    """

    what: str
    is_in_database: bool
    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """How a query was answered; as text, something to be read.

    Parameters
    ----------
    relations
        What takes part, in words, in the order in which it is joined.
    statement
        The SQL text. Values are never part of it.
    values
        They are bound to it, in this order.
    database
        Lines of the database's own plan, with its estimates where it gives any.
    steps
        What was done, in order.
    """

    relations: tuple[str, ...]
    statement: str
    values: tuple[Any, ...]
    database: tuple[str, ...]
    steps: tuple[PlanStep, ...]

    @property
    def seconds(self) -> float:
        """How long all steps took."""
        return sum(step.seconds for step in self.steps)

    def __str__(self) -> str:
        lines = ["Relations:", *(f"  {each}" for each in self.relations)]
        lines += ["Plan of the database:", *(f"  {each}" for each in self.database)]
        lines.append("Steps:")
        for step in self.steps:
            where = "in the database" if step.is_in_database else "here"
            rows = f"{step.rows:,} row{'s' * (step.rows != 1)}"
            lines.append(f"  {step.what}, {where}: {rows}, {step.seconds * 1e3:.1f} ms")
        lines += ["Statement:", *(f"  {each}" for each in self.statement.splitlines())]
        lines.append(f"Values: {_shown(self.values)}")
        return "\n".join(lines)


def _shown(values: tuple[Any, ...], most: int = 20) -> str:
    shown = ", ".join(repr(value) for value in values[:most])
    more = len(values) - most
    return f"{shown} and {more} more" if more > 0 else shown or "none"
