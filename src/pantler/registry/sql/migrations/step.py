"""A step from one version of the schema to the next, as statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from alembic.operations import Operations
    from sqlalchemy.engine import Dialect


@dataclass(frozen=True, slots=True)
class Step:
    """How the tables of the version before become those of one version.

    Parameters
    ----------
    version
        That it leads to.
    title
        What it is good for, for people.
    readable_since
        The oldest version whose pantler goes on working with these tables. If it is
        lower than ``version``, old and new ones can be at work at once: the step only
        adds what the old ones do not see.
    describe
        Gives its operations to Alembic, and gets the names of the datastores that
        have a table of records.
    """

    version: int
    title: str
    readable_since: int
    describe: Callable[[Operations, tuple[str, ...]], None]

    def statements(self, dialect: Dialect, datastores: tuple[str, ...]) -> list[str]:
        """Return the statements of the step, which change nothing yet."""
        # Heavy, and hardly ever needed.
        from alembic.migration import MigrationContext
        from alembic.operations import Operations

        written = _Statements()
        context = MigrationContext.configure(
            dialect=dialect, opts={"as_sql": True, "output_buffer": written}
        )
        self.describe(Operations(context), datastores)
        return written.texts


class _Statements:
    """Takes what Alembic would write to a file: one statement a time."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> int:
        """Take a statement."""
        self.texts.append(text.strip().removesuffix(";"))
        return len(text)

    def flush(self) -> None:
        """All is there."""
