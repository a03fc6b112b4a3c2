"""What queries can say that the statement does not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pantler.errors import InvalidInputError
from pantler.queries.rendering import to_text
from pantler.queries.tree import DatasetField, DatasetTimespan, Like
from pantler.registry.sql.compile.predicates import walk

if TYPE_CHECKING:
    from pantler.queries.query import Query

_ANSWERED: Final = frozenset({"dataset_id", "run", "ingest_time"})


def refuse_unanswered(query: Query) -> None:
    """Refuse a query with a part that the statement would leave out.

    Raises
    ------
    InvalidInputError
        That names the part.
    """
    parts = {
        "columns beside data IDs": query.columns,
        "aggregates": query.aggregates,
    }
    refused = [name for name, given in parts.items() if given]
    for node in walk((query.where, tuple(t.column for t in query.order_by))):
        match node:
            case Like() | DatasetTimespan():
                refused.append(f"`{to_text(node)}`")
            case DatasetField(_, field) if field not in _ANSWERED:
                refused.append(f"`{to_text(node)}`")
    if refused:
        raise InvalidInputError(
            f"This registry does not answer queries with {', '.join(refused)}."
        )
