"""Expressions choose the rows that a naive evaluator chooses, on every database."""

from __future__ import annotations

import random
from contextlib import closing, suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pantler.dimensions.universe import Universe
from pantler.errors import PantlerError, QuerySyntaxError
from pantler.queries.binding import bind
from pantler.queries.lexer import KEYWORDS
from pantler.queries.parser import parse
from pantler.queries.query import Query
from pantler.registry.sql.database import Database
from pantler.registry.sql.postgresql import PostgresqlRegistry
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.evaluator import evaluate

UNIVERSE = Universe.default()
GROUP = UNIVERSE.group(["exposure"])
PROPERTY = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
WORDS = [
    "",
    "a",
    "ab",
    "A",
    "b%",
    "a_b",
    "it's",
    "é",
    "ü☃",
    "*",
    "a?b",
    "[a]",
    "\\",
    "0",
]
CANARY = "canary7ü"


def _records():
    """Return records with values of every kind, missing ones among them."""
    source = random.Random(5)
    for number in range(1, 41):
        begin = source.choice([None, 0, 10, 20, 10**18])
        yield {
            "instrument": "Cam",
            "exposure": number,
            "obs_id": f"{source.choice(WORDS)}{number}",
            "group": "g",
            "day_obs": 20260101,
            "physical_filter": source.choice(["g1", "r1"]),
            "target_name": source.choice([None, *WORDS]),
            "observation_reason": source.choice([None, *WORDS]),
            "seq_num": source.choice([None, *range(-3, 6)]),
            "seq_start": source.choice([None, *range(-3, 6)]),
            "exposure_time": source.choice([None, -1.5, 0.0, 0.5, 1.0, 30.0]),
            "dark_time": source.choice([None, -1.5, 0.0, 0.5, 1.0, 30.0]),
            "can_see_sky": source.choice([None, True, False]),
            "has_simulated": source.choice([None, True, False]),
            "timespan_begin": begin,
            "timespan_end": None
            if begin is None
            else begin + source.choice([1, 10, 15]),
        }


ROWS = list(_records())


def _fill(registry):
    insert = registry.dimensions.insert
    insert("instrument", [{"instrument": "Cam"}])
    insert("day_obs", [{"instrument": "Cam", "day_obs": 20260101}])
    insert("group", [{"instrument": "Cam", "group": "g"}])
    for band in "gr":
        name = {"physical_filter": f"{band}1", "band": band}
        insert("physical_filter", [{"instrument": "Cam", **name}])
    insert("exposure", ROWS)
    return registry


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def registry(request, tmp_path_factory):
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("rows") / "registry.sqlite3"
        with closing(SqliteRegistry.create(path, UNIVERSE)) as made:
            yield _fill(made)
        return
    server = request.getfixturevalue("postgresql")
    with server.database() as name:
        made = PostgresqlRegistry.create(server.uri(name), UNIVERSE)
        with closing(made):
            yield _fill(made)


@pytest.fixture
def statements(monkeypatch):
    """A list that gets the text of each statement, as the database sees it."""
    seen = []
    execute = Database._execute

    def see(self, session, text, *rest):
        seen.append(text)
        return execute(self, session, text, *rest)

    monkeypatch.setattr(Database, "_execute", see)
    return seen


def meaning(row):
    """Return what the names of expressions mean for a record."""
    names = {f"exposure.{key}": value for key, value in row.items()}
    begin, end = row["timespan_begin"], row["timespan_end"]
    names["exposure.timespan"] = None if begin is None else (begin, end)
    names["exposure.timespan.begin"] = begin
    names["exposure.timespan.end"] = end
    return {**names, "exposure": row["exposure"], "band": row["physical_filter"][0]}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def parenthesized(strategy):
    return strategy.map(lambda text: f"({text})")


COMPARE = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
SMALL = st.integers(-5, 45).map(str)
INTEGER = st.recursive(
    st.sampled_from(["exposure", "exposure.seq_num", "exposure.seq_start"]) | SMALL,
    lambda inner: st.one_of(
        inner.map(lambda text: f"-({text})"),
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "%"]), inner)
        .map(" ".join)
        .map(lambda text: f"({text})"),
    ),
    max_leaves=4,
)
FLOAT = st.recursive(
    st.sampled_from(["exposure.exposure_time", "exposure.dark_time"])
    | st.sampled_from(["0.0", "0.5", "-1.5", "2.0"]),
    lambda inner: st.one_of(
        inner.map(lambda text: f"-({text})"),
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner | INTEGER)
        .map(" ".join)
        .map(lambda text: f"({text})"),
    ),
    max_leaves=4,
)
TEXT_COLUMN = st.sampled_from(
    ["exposure.target_name", "exposure.observation_reason", "exposure.obs_id", "band"]
)
TEXT = st.sampled_from(WORDS) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4
)
PATTERN = st.lists(st.sampled_from([*"ab*?%_[]é\\", "☃"]), max_size=5).map("".join)
TIME = st.sampled_from([0, 5, 10, 20, 10**18]).map(
    lambda ns: f"T'unix_tai/{ns / 1e9!r}'" if ns > 99 else "T'1970-01-01T00:00:00/tai'"
)
FLAG = st.sampled_from(["exposure.can_see_sky", "exposure.has_simulated"])
ITEM = st.one_of(
    SMALL,
    st.just("NULL"),
    st.just("exposure.seq_start"),
    st.tuples(st.integers(-5, 5), st.integers(0, 20), st.integers(1, 3)).map(
        lambda r: f"{r[0]}..{r[0] + r[1]}:{r[2]}"
    ),
)
MATCH = st.sampled_from(["LIKE", "NOT LIKE"])
ATOM = st.one_of(
    st.tuples(INTEGER, COMPARE, INTEGER).map(" ".join),
    st.tuples(FLOAT, COMPARE, FLOAT | INTEGER).map(" ".join),
    st.tuples(TEXT_COLUMN, COMPARE, TEXT.map(quoted) | TEXT_COLUMN).map(" ".join),
    st.tuples(
        st.sampled_from(["exposure", "exposure.seq_num"]),
        st.sampled_from(["IN", "NOT IN"]),
        st.lists(ITEM, min_size=1, max_size=4).map(", ".join),
    ).map(lambda parts: f"{parts[0]} {parts[1]} ({parts[2]})"),
    st.tuples(
        TEXT_COLUMN, st.lists(TEXT.map(quoted) | st.just("NULL"), min_size=1)
    ).map(lambda parts: f"{parts[0]} IN ({', '.join(parts[1])})"),
    st.tuples(INTEGER, INTEGER, INTEGER).map(
        lambda parts: "{} BETWEEN {} AND {}".format(*parts)
    ),
    st.tuples(TEXT_COLUMN, MATCH, PATTERN.map(quoted)).map(" ".join),
    st.tuples(TEXT_COLUMN, PATTERN.map(quoted)).map(
        lambda parts: "GLOB({}, {})".format(*parts)
    ),
    st.tuples(
        TEXT_COLUMN | FLAG | st.sampled_from(["exposure.seq_num", "exposure.timespan"]),
        st.sampled_from(["IS NULL", "IS NOT NULL"]),
    ).map(" ".join),
    st.tuples(TEXT_COLUMN | INTEGER, st.sampled_from(["= NULL", "!= NULL"])).map(
        " ".join
    ),
    FLAG,
    st.tuples(FLAG, st.sampled_from(["= TRUE", "!= TRUE", "= FALSE"])).map(" ".join),
    st.tuples(st.just("exposure.timespan OVERLAPS"), TIME).map(" ".join),
    TIME.map(lambda time: f"exposure.timespan OVERLAPS ({time}, NULL)"),
    st.tuples(
        st.sampled_from(["exposure.timespan.begin", "exposure.timespan.end"]),
        COMPARE,
        TIME,
    ).map(" ".join),
)
CONDITION = st.recursive(
    ATOM,
    lambda inner: st.one_of(
        inner.map(lambda text: f"NOT ({text})"),
        st.lists(inner, min_size=2, max_size=3).map(
            lambda parts: " AND ".join(f"({part})" for part in parts)
        ),
        st.lists(inner, min_size=2, max_size=3).map(
            lambda parts: " OR ".join(f"({part})" for part in parts)
        ),
    ),
    max_leaves=5,
)


def chosen(registry, text):
    predicate = bind(parse(text), UNIVERSE, dimensions=GROUP)
    frame = registry.query(Query(GROUP, predicate, element="exposure"))
    assert registry.count(Query(GROUP, predicate, element="exposure")) == frame.height
    return sorted(frame["exposure"].to_list())


@PROPERTY
@given(CONDITION)
@example("NOT (exposure.seq_num IN (1, NULL))")
@example("exposure.seq_num / exposure.seq_start = 0")
@example("exposure.seq_num % exposure.seq_start = -1")
@example("NOT exposure.target_name LIKE 'A%'")
@example(
    r"exposure.target_name LIKE '\\' OR exposure.target_name LIKE '_!__' ESCAPE '!'"
)
@example("NULL = 1 OR exposure = 3")
def test_an_expression_chooses_the_rows_that_it_says(registry, text):
    tree = parse(text)
    try:
        found = chosen(registry, text)
    except QuerySyntaxError as error:
        # Constants are folded: what they alone say may be no sense.
        if "divides by zero" in str(error):
            return
        raise
    expected = [r["exposure"] for r in ROWS if evaluate(tree, meaning(r)) is True]
    assert found == expected, text


@PROPERTY
@given(CONDITION, st.sampled_from(["target_name", "observation_reason"]))
def test_no_text_of_a_user_is_in_a_statement(registry, statements, text, column):
    canary = f"exposure.{column} IN ('{CANARY}', '{CANARY}2')"
    more = f"exposure.{column} = '{CANARY}' OR GLOB(exposure.{column}, '*{CANARY}')"
    statements.clear()
    try:
        chosen(registry, f"({text}) OR {canary} OR {more}")
    except QuerySyntaxError:
        return
    assert statements
    assert not any(CANARY in statement for statement in statements)


TOKENS = st.one_of(
    st.sampled_from(sorted(KEYWORDS)),
    st.sampled_from(
        [
            *("exposure", "exposure.seq_num", "exposure.timespan", "visit.region", "x"),
            *(
                "detector",
                "band",
                "htm7",
                "patch",
                "visit_definition",
                "timespan.begin",
            ),
            *"()+-*/%=<>,:.",
            *("!=", "..", "3", "-7", "2.5", "'a'", "T'60000'", "T'x'", ":p", "1e308"),
            *(
                "GLOB",
                "POINT",
                "CIRCLE(1,2,3)",
                "UUID",
                "ESCAPE",
                "9223372036854775807",
            ),
        ]
    ),
    st.text(max_size=3),
)


@PROPERTY
@given(st.lists(TOKENS, max_size=12).map(" ".join) | st.text(max_size=40))
def test_any_text_is_answered_or_refused(registry, text):
    with suppress(PantlerError):
        predicate = bind(parse(text), UNIVERSE, parameters={"p": 3}, dimensions=GROUP)
        registry.query(Query(GROUP, predicate))
