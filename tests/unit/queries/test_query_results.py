"""Results ask only when they must, and say why they are empty."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import polars as pl
import pytest

from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.datasets.ref import DatasetRef
from pantler.dimensions.coordinate import DataCoordinate
from pantler.dimensions.universe import Universe
from pantler.errors import InvalidInputError, QuerySyntaxError
from pantler.queries.analysis import conjuncts, to_text
from pantler.queries.query import DatasetSearch, Query
from pantler.queries.results import DataIdResults, DatasetResults, RecordResults
from pantler.queries.several import SeveralDatasetResults
from pantler.queries.tree import Comparison, Membership

UNIVERSE = Universe.default()
VISITS = UNIVERSE.group(["visit"])
CALEXP = DatasetType("calexp", UNIVERSE.group(["visit", "detector"]), "NumpyArray")
SEARCH = DatasetSearch(CALEXP, ("u/one", "u/two"))

VISIT_ROWS = pl.DataFrame(
    {
        "instrument": ["Demo"] * 4,
        "visit": [1, 2, 3, 4],
        "physical_filter": ["r1", "r1", "g1", None],
        "band": ["r", "r", "g", None],
        "day_obs": [20250101] * 4,
        "exposure_time": [30.0, 30.0, 15.0, 15.0],
    }
)


class FakeRunner:
    """Answers from one frame, for conditions of columns with constants only."""

    def __init__(self, frame, records=None):
        self.frame = frame
        self.records = records
        self.queries = []

    def query(self, query):
        self.queries.append(query)
        frame = self.frame
        if query.target is None and self.records is not None:
            frame = self.records
        for condition in conjuncts(query.where):
            frame = frame.filter(_expression(condition))
        if query.target is None and query.element is None:
            frame = frame.select(query.dimensions.names).unique(maintain_order=True)
        for term in reversed(query.order_by):
            column = getattr(term.column, "dimension", None) or term.column.field
            frame = frame.sort(column, descending=term.descending)
        return frame.slice(query.offset, query.limit)

    def query_batches(self, query, rows):
        yield from self.query(query).iter_slices(rows)

    def count(self, query):
        return self.query(query).height


def _expression(condition):
    column = condition.left if isinstance(condition, Comparison) else condition.operand
    expression = pl.col(getattr(column, "dimension", None) or column.field)
    match condition:
        case Membership(_, values):
            return expression.is_in([value.value for value in values])
        case Comparison("=", _, right):
            return expression == right.value
        case Comparison(">", _, right):
            return expression > right.value
    raise NotImplementedError(to_text(condition))


@pytest.fixture
def runner():
    return FakeRunner(VISIT_ROWS)


@pytest.fixture
def visits(runner):
    return DataIdResults(runner, Query(VISITS))


@pytest.fixture
def ids():
    return make_uuids(3)


@pytest.fixture
def datasets(ids):
    frame = pl.DataFrame(
        {
            "instrument": ["Demo"] * 3,
            "detector": [1, 2, 3],
            "visit": [7, 7, 8],
            "dataset_id": uuid_series(ids),
            "run": ["u/one", "u/one", "u/two"],
            "timespan_begin": pl.Series([None] * 3, dtype=pl.Int64),
            "timespan_end": pl.Series([None] * 3, dtype=pl.Int64),
        }
    )
    runner = FakeRunner(frame, VISIT_ROWS.with_columns(visit=pl.Series([5, 6, 7, 8])))
    return DatasetResults(runner, Query(CALEXP.dimensions, target=SEARCH))


def test_building_results_asks_nothing_and_changes_nothing(runner, visits):
    narrowed = visits.where("visit > 1").order_by("-visit").limit(2).offset(1)
    assert runner.queries == []
    assert visits.query == Query(VISITS)
    assert [data_id["visit"] for data_id in narrowed] == [3, 2]
    assert len(runner.queries) == 1


def test_conditions_add_up_from_text_values_and_data_ids(visits):
    found = visits.where("visit IN vs", vs=[1, 2]).where(instrument="Demo")
    assert to_text(found.query.where) == "visit IN (1, 2) AND instrument = 'Demo'"
    found = visits.where("visit > :visit", visit=3, band="r")
    assert to_text(found.query.where) == "visit > 3 AND band = 'r'"
    assert visits.where("").query == visits.query


def test_fields_are_looked_for_in_the_elements_of_the_rows(visits):
    assert to_text(visits.where("exposure_time > 20").query.where) == (
        "visit.exposure_time > 20.0"
    )


def test_a_value_that_nothing_uses_is_refused(visits):
    with pytest.raises(InvalidInputError, match=r"'vist' is neither .* 'visit'"):
        visits.where("visit > 3", vist=4)
    with pytest.raises(QuerySyntaxError, match="No value is bound"):
        visits.where("visit > :v")


@pytest.mark.parametrize("build", ["limit", "offset"])
def test_a_negative_number_of_rows_is_refused(visits, build):
    with pytest.raises(InvalidInputError, match="0 or more, not -1"):
        getattr(visits, build)(-1)


def test_data_ids_are_full_where_implied_values_are_known(visits):
    found = list(visits)
    assert [data_id.is_full for data_id in found] == [True, True, True, False]
    assert found[2] == DataCoordinate.from_mapping(
        {"instrument": "Demo", "visit": 3}, VISITS
    )
    assert found[2]["band"] == "g"
    assert dict(found[3]) == {"instrument": "Demo", "visit": 4}


def test_records_have_all_columns(runner):
    records = RecordResults(runner, Query(VISITS, element="visit")).where(visit=3)
    (record,) = records
    assert record.element is UNIVERSE["visit"]
    assert (record["visit"], record["exposure_time"]) == (3, 15.0)


def test_refs_are_what_the_rows_say(datasets, ids):
    refs = list(datasets.where("calexp.run = 'u/two' AND run = 'u/two'"))
    data_id = {"instrument": "Demo", "visit": 8, "detector": 3}
    expected = DatasetRef(
        CALEXP,
        DataCoordinate.from_mapping(data_id, CALEXP.dimensions),
        "u/two",
        UUID(bytes=ids[2].tobytes()),
    )
    assert refs == [expected]
    assert {expected} == set(refs)


def test_refs_hold_the_implied_values_that_are_known(datasets):
    first, second, third = datasets
    assert first.data_id["band"] == second.data_id["band"] == "g"
    assert first.data_id.is_full
    assert first.data_id["day_obs"] == 20250101
    assert "band" not in third.data_id
    # The visits are asked for once, not for each ref.
    assert len(datasets.runner.queries) == 2


def test_rows_counts_and_arrow_streams_are_of_the_same_query(visits):
    found = visits.where("visit > 1")
    assert found.count() == 3
    assert found.any()
    assert not found.limit(0).any()
    assert not visits.where(visit=99).any()
    assert pl.DataFrame(found).equals(found.to_polars())
    assert not hasattr(found, "__len__")


def test_results_with_rows_have_nothing_to_explain(visits):
    assert visits.why_empty() == []


def test_the_condition_that_leaves_nothing_is_blamed(visits):
    found = visits.where("visit > 1 AND band = 'R' AND visit = 77")
    assert found.why_empty() == [
        "No row satisfies `band = 'R'`.",
        "The values of 'band' there are 'g', 'r'.",
    ]
    found = visits.where("visit > 2 AND band = 'r' AND visit = 77")
    assert found.why_empty() == [
        "No row that satisfies `visit > 2` satisfies `band = 'r'` too.",
        "The values of 'band' there are 'g'.",
    ]


def test_a_close_value_is_suggested(visits):
    assert visits.where(instrument="Dema").why_empty() == [
        "No row satisfies `instrument = 'Dema'`.",
        "The values of 'instrument' there are 'Demo'. Did you mean 'Demo'?",
    ]


def test_many_values_are_given_by_their_range():
    frame = (
        VISIT_ROWS.head(1)
        .drop("visit")
        .join(pl.DataFrame({"visit": range(100, 150)}), how="cross")
        .with_columns(exposure="visit")
    )
    visits = DataIdResults(FakeRunner(frame), Query(VISITS))
    assert visits.where(visit=7).why_empty()[1] == (
        "The values of 'visit' there are 100 to 149."
    )
    assert visits.where("exposure_time > 99").why_empty()[1] == (
        "The values of 'visit.exposure_time' there are 30.0."
    )


def test_what_is_empty_without_any_condition_is_said(datasets):
    empty = FakeRunner(datasets.runner.frame.clear())
    assert DatasetResults(empty, datasets.query).where(visit=3).why_empty() == [
        "There is no 'calexp' in 'u/one', 'u/two'."
    ]
    visits = DataIdResults(FakeRunner(VISIT_ROWS.clear()), Query(VISITS))
    assert "The repository has no records of 'visit'." in visits.why_empty()


def test_that_exposures_have_no_visits_is_said_in_words():
    both = UNIVERSE.group(["exposure", "visit"])

    def count(query):
        return int(query.element not in lacking and query.element is not None)

    runner = FakeRunner(VISIT_ROWS)
    runner.count = count
    lacking = {"visit_definition"}
    assert DataIdResults(runner, Query(both)).why_empty() == [
        "The repository does not say which exposures make up a visit. "
        "'pantler define-visits' defines visits, and says why it leaves out a frame."
    ]
    lacking = {"visit", "visit_definition"}
    assert DataIdResults(runner, Query(both)).why_empty() == [
        "The repository has no records of 'visit'."
    ]


def test_an_offset_beyond_all_rows_is_blamed(visits):
    (sentence,) = visits.where("visit > 1").offset(9).why_empty()
    assert "offset of 9" in sentence


def test_an_element_without_records_is_named(visits):
    def count(query):
        return 0 if query.element == "visit" or query.where else 1

    visits.runner.count = count
    assert visits.where("visit.exposure_time > 3").why_empty() == [
        "No row satisfies `visit.exposure_time > 3.0`.",
        "The repository has no records of 'visit'.",
    ]


def test_a_type_without_dimensions_has_refs_too(ids):
    kind = DatasetType("packages", UNIVERSE.group([]), "StructuredDict")
    frame = pl.DataFrame({"dataset_id": uuid_series(ids[:1]), "run": ["u/one"]})
    query = Query(kind.dimensions, target=DatasetSearch(kind, ("u/one",)))
    (ref,) = DatasetResults(FakeRunner(frame), query)
    assert ref.data_id == DataCoordinate(kind.dimensions, ())
    assert ref.id.bytes == ids[0].tobytes()


def test_any_number_of_rows_may_be_asked_for(visits):
    assert visits.limit(10**20).to_polars().height == 4
    assert visits.offset(10**20).to_polars().is_empty()
    assert visits.limit(np.int64(2)).to_polars().height == 2
    for wrong in (2.0, "2"):
        with pytest.raises(InvalidInputError, match="A limit is an integer"):
            visits.limit(wrong)
        with pytest.raises(InvalidInputError, match="An offset is an integer"):
            visits.offset(wrong)


def test_results_say_what_is_asked_and_ask_nothing():
    runner = FakeRunner(VISIT_ROWS)
    results = DatasetResults(runner, Query(CALEXP.dimensions, target=SEARCH))
    some = results.where("visit > 2", band="r").limit(5).offset(2)
    assert repr(some) == (
        "<DatasetResults: 'calexp' in u/one, u/two, "
        "where visit > 2 AND band = 'r', limit 5, offset 2>"
    )
    chosen = results.with_columns("visit.exposure_time")
    assert "with 'calexp' in u/one, u/two" in repr(chosen)
    assert "visit.exposure_time" in repr(chosen)
    records = RecordResults(runner, Query(VISITS, element="visit"))
    assert repr(records) == "<RecordResults: 'visit' records>"
    data_ids = DataIdResults(runner, Query(VISITS))
    assert repr(data_ids) == "<DataIdResults: dimensions instrument, visit>"
    assert not runner.queries


def test_what_results_say_is_short_whatever_is_asked():
    many = DatasetSearch(CALEXP, tuple(f"u/run{number}" for number in range(1000)))
    results = DatasetResults(
        FakeRunner(VISIT_ROWS), Query(CALEXP.dimensions, target=many)
    )
    shown = repr(results.where("visit IN :list", bind={"list": range(1000)}))
    assert "u/run3 and 996 more" in shown
    assert len(shown) < 350
    several = SeveralDatasetResults((results,) * 9, 7)
    assert repr(several).count("'calexp'") == 3
    assert repr(several).endswith("6 more; limit 7>")
