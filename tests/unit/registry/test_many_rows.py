"""Many rows leave each database by a way of their own, and are the same rows."""

from __future__ import annotations

from contextlib import closing

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pantler.dimensions.universe import Universe
from pantler.errors import InvalidInputError
from pantler.registry.sql import postgresql_packing, sqlite_driver
from pantler.registry.sql.postgresql import PostgresqlRegistry
from pantler.registry.sql.sqlite import SqliteRegistry

KINDS = {
    "number": (sa.BigInteger(), pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    "text": (
        sa.String(),
        pl.String,
        st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    ),
    "id": (sa.LargeBinary(), pl.Binary, st.binary(min_size=16, max_size=16)),
    "bytes": (sa.LargeBinary(), pl.Binary, st.binary(max_size=20)),
    "truth": (sa.Boolean(), pl.Boolean, st.booleans()),
    "small": (sa.BigInteger(), pl.Int64, st.integers(-3, 3)),
}
COLUMNS = [sa.Column(name, kind) for name, (kind, _, _) in KINDS.items()]
SCHEMA = {name: kind for name, (_, kind, _) in KINDS.items()}
VALUES = st.tuples(*(values | st.none() for *_, values in KINDS.values()))
PROPERTY = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FULL = (2**53 + 1, "a,\x01\n\"ü☃'", b"\0" * 16, b",\xff\0", True, -1)
NONE = (None,) * len(KINDS)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def db(request, tmp_path_factory):
    """The connections of a registry."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("rows") / "registry.sqlite3"
        with closing(SqliteRegistry.create(path, Universe.default())) as registry:
            yield registry._core.db
        return
    server = request.getfixturevalue("postgresql")
    with (
        server.database() as name,
        closing(
            PostgresqlRegistry.create(server.uri(name), Universe.default())
        ) as registry,
    ):
        yield registry._core.db


def check(db, rows, columns=COLUMNS, schema=SCHEMA):
    """Compare both ways, in the order of the rows."""
    place = sa.Column("place", sa.BigInteger())
    stage = db.stage([place, *columns], [(n, *row) for n, row in enumerate(rows)])
    chosen = sa.select(*(stage.c[column.name] for column in columns))
    chosen = chosen.order_by(stage.c.place)
    plain = db.frame(chosen, schema)
    many = db.frame(chosen, schema, many=True)
    assert_frame_equal(many, plain)
    assert many.rows() == [
        tuple(v for v, n in zip(row, schema, strict=True) if schema[n]) for row in rows
    ]


@PROPERTY
@example([])
@example([NONE])
@example([FULL])
@example([NONE, FULL, NONE])
@example([(0, "", b"0" * 16, b"", False, 0), NONE, (0, "", b"", b"", False, 0)])
@given(st.lists(VALUES, max_size=30))
def test_values_of_every_kind_are_the_same(db, rows):
    """Missing ones, the largest and the smallest, and text of any characters."""
    check(db, rows)


@PROPERTY
@given(st.lists(st.tuples(st.floats(allow_nan=False) | st.none()), max_size=20))
def test_numbers_with_fractions_are_the_same(db, rows):
    """To the last bit."""
    check(db, rows, [sa.Column("size", sa.Double())], {"size": pl.Float64})


def test_columns_that_nobody_wants_are_left_out(db):
    """Whatever they hold."""
    rows = [FULL, NONE, FULL]
    schema = {**SCHEMA, "text": None, "id": None}
    place = [sa.literal(1, sa.BigInteger()).label("one")]
    stage = db.stage(COLUMNS, rows)
    chosen = sa.select(*stage.c, *place)
    found = db.frame(chosen, {**schema, "one": None}, many=True)
    assert_frame_equal(found, db.frame(chosen, {**schema, "one": None}))


def test_more_than_fits_together_comes_row_by_row(db, monkeypatch):
    """Then no value is too long, and the limit is the usual one afterwards."""
    monkeypatch.setattr(sqlite_driver, "MOST_BYTES", 5_000)
    check(db, [(n, "text" * 10, bytes(16), b"", True, 1) for n in range(1_000)])
    check(db, [(1, "text" * 2_000, bytes(16), b"", True, 1)] * 2)


def calls(db, monkeypatch, chosen, schema):
    """Return how often the database is asked for many rows."""
    asked = []
    execute = db._execute
    with monkeypatch.context() as patch:
        patch.setattr(db, "_execute", lambda *of: asked.append(of) or execute(*of))
        db.frame(chosen, schema, many=True)
    return len(asked)


@pytest.mark.parametrize(
    "value", ["\x01", "\x02", "\x02\x01", "long" * 33, "\xff", ","], ids=ascii
)
def test_text_that_looks_like_what_is_between_texts_is_the_same(db, value):
    """Also beside nulls."""
    column = sa.Column("t", sa.String())
    for rows in ([(value,)], [(None,), (value,)], [("a",), (value,), (None,), ("",)]):
        check(db, rows, [column], {"t": pl.String})


def test_a_number_that_stands_for_null_is_the_same(db):
    """And so is a fraction that is no number."""
    column = sa.Column("n", sa.BigInteger())
    rows = [(postgresql_packing._NO_NUMBER,), (None,), (0,)]
    check(db, rows, [column], {"n": pl.Int64})


def test_postgresql_packs_many_rows_and_fetches_more_row_by_row(db, monkeypatch):
    """In order in both ways; what is once too much is not packed again."""
    if db.driver.where.startswith("/"):
        pytest.skip("SQLite has another limit.")
    monkeypatch.setattr(postgresql_packing, "_MOST_ROWS", 5_000)
    schema = {"n": pl.Int64, "t": pl.String}
    for count, often in ((5_000, [1, 1]), (5_001, [2, 1])):
        last = sa.literal(count, sa.BigInteger())
        n = sa.func.generate_series(1, last).column_valued("n")
        text = sa.cast(n % 7, sa.String())
        chosen = sa.select(n, text.label("t")).order_by(text, n.desc())
        plain = db.frame(chosen, schema)
        assert plain["n"][:2].to_list() == [4_998, 4_991]
        assert_frame_equal(db.frame(chosen, schema, many=True), plain)
        db.driver._not_packed.clear()
        assert [calls(db, monkeypatch, chosen, schema) for _ in often] == often


def test_a_statement_that_fails_says_why(db):
    """As any other does."""
    with pytest.raises(InvalidInputError, match=r"64 bits|too large|range"):
        db.frame(
            sa.select(sa.literal(2**63, sa.BigInteger()).label("n")),
            {"n": pl.Int64},
            many=True,
        )


def test_text_that_others_wrote_with_nul_is_the_same(tmp_path):
    """SQLite can hold it, and pieces of it are no texts."""
    path = tmp_path / "registry.sqlite3"
    with closing(SqliteRegistry.create(path, Universe.default())) as registry:
        db = registry._core.db
        check(db, [("a\0b",), ("c",)], [sa.Column("t", sa.String())], {"t": pl.String})
        # A fraction in a column of integers is refused, not cut off.
        stage = db.stage([sa.Column("n", sa.Double())], [(1.5,), (2.0,)])
        with pytest.raises(TypeError):
            db.frame(sa.select(stage.c.n), {"n": pl.Int64}, many=True)
