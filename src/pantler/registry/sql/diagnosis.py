"""After a constraint failed: which data IDs are to blame, and what the user reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from pantler.errors import DataIdError, InternalError, PantlerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.registry.sql.core import Core

EXAMPLES = 3
"""How many offenders a message names."""


def show(names: Sequence[str], values: Sequence[Any]) -> str:
    """Return a data ID as messages write it."""
    pairs = zip(names, values, strict=False)
    return "{" + ", ".join(f"{name}: {value!r}" for name, value in pairs) + "}"


def show_all(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return some data IDs as messages write them."""
    return ", ".join(show(names, row) for row in rows)


def unknown_value_error(
    core: Core,
    stage: sa.Table,
    required: Sequence[str],
    *,
    implied: Sequence[str] = (),
    own: str = "",
) -> PantlerError:
    """Return the error for staged rows that refer to dimension values without record.

    Parameters
    ----------
    core
        Where.
    stage
        A temporary table with a column for each dimension.
    required, implied, own
        As for `Schema.references`.
    """
    for element in core.schema.references(required, implied, own):
        table = core.schema.elements[element.name]
        rows = core.db.rows(
            sa.select(*(stage.c[name] for name in element.required))
            .distinct()
            .select_from(
                stage.outerjoin(
                    table,
                    sa.and_(
                        *(stage.c[name] == table.c[name] for name in element.required)
                    ),
                )
            )
            .where(table.c[element.name].is_(None), stage.c[element.name].is_not(None))
            .limit(EXAMPLES)
        )
        if rows:
            return DataIdError(
                f"No {element.name} record for {show_all(element.required, rows)}. "
                f"Insert '{element.name}' records first, or correct the values."
            )
    return InternalError("A foreign key failed, but every dimension value is known.")
