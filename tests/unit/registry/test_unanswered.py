"""What the statement would leave out of a query is refused."""

from __future__ import annotations

from contextlib import closing

import pytest

from pantler.dimensions.universe import Universe
from pantler.errors import InvalidInputError
from pantler.queries.query import Aggregate, Query
from pantler.queries.tree import DimensionKey
from pantler.registry.sql.sqlite import SqliteRegistry

VISIT = Universe.default().group(["visit"])


@pytest.mark.parametrize(
    ("query", "word"),
    [
        (Query(VISIT, columns=(DimensionKey("detector", "int"),)), "columns"),
        (Query(VISIT, aggregates=(Aggregate("count"),)), "aggregates"),
    ],
)
def test_a_part_that_is_not_answered_is_refused(tmp_path, query, word):
    made = SqliteRegistry.create(tmp_path / "r.sqlite", VISIT.universe)
    with closing(made) as registry, pytest.raises(InvalidInputError, match=word):
        registry.query(query)
