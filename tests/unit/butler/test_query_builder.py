"""A query is built step by step; each step is a value of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from pantler.butler.interface import Butler
from pantler.datasets.dataset_type import DatasetType
from pantler.errors import (
    DataIdError,
    DatasetTypeNotFoundError,
    InvalidInputError,
    QuerySyntaxError,
)


def exposures(results):
    return sorted({data_id["exposure"] for data_id in results})


def test_one_beginning_serves_many_queries(butler):
    bright = butler.query().where("exposure.exposure_time > 15", instrument="Cam")
    assert exposures(bright.data_ids("exposure")) == [2, 3]
    assert exposures(bright.where("band = 'r'").data_ids("exposure")) == [3]
    assert exposures(bright.data_ids(["exposure", "detector"])) == [2, 3]
    assert bright.datasets("raw").count() == 8
    assert [r["exposure_time"] for r in bright.records("exposure").order_by("exposure")]
    red = bright.where("band = 'r'")
    assert red.datasets("raw").count() < bright.datasets("raw").count()


def test_what_is_seen_of_a_query_are_its_steps(butler):
    query = butler.query()
    seen = [name for name in dir(query) if not name.startswith("_")]
    assert seen
    assert [name for name in seen if not callable(getattr(query, name))] == []


def test_conditions_are_expressions_data_ids_and_values(butler):
    begin = butler.query()
    for chosen in (
        begin.where("exposure = 2"),
        begin.where({"exposure": 2}),
        begin.where(exposure=2),
        begin.where("exposure = :n", n=2),
        begin.where("exposure = :n", bind={"n": 2}),
        begin.where("exposure > 1", "exposure < :n", n=3),
        begin.where("", {"exposure.obs_id": "obs-2"}),
        begin.where("exposure IN :n", n=pl.DataFrame({"exposure": [2, 99]})),
    ):
        assert exposures(chosen.data_ids("exposure")) == [2]


def test_all_that_one_step_says_must_hold(butler):
    begin = butler.query()
    for none in (
        begin.where({"exposure": 1}, exposure=2),
        begin.where({"exposure": 1}, {"exposure": 2}),
        begin.where({"exposure": 1}, "exposure = 2"),
        begin.where("exposure = 1", "exposure = 2"),
    ):
        assert exposures(none.data_ids("exposure")) == []
    both = begin.where({"exposure": 1}, {"instrument": "Cam"}, exposure=1)
    assert exposures(both.data_ids("exposure")) == [1]


def test_a_mistake_is_found_as_soon_as_its_meaning_is_known(butler):
    begin = butler.query()
    with pytest.raises(QuerySyntaxError, match="Expected"):
        begin.where("exposure >")
    with pytest.raises(InvalidInputError, match="'exposur' is neither"):
        begin.where("exposure > 3", exposur=3)
    with pytest.raises(
        InvalidInputError,
        match=r"'conditions' of where.* is 3",
    ):
        begin.where(3)
    with pytest.raises(DataIdError, match="exposur"):
        begin.where({"exposur": 3}).data_ids("exposure")
    with pytest.raises(DatasetTypeNotFoundError, match="Did you mean 'raw'"):
        begin.join_datasets("rav")
    with pytest.raises(InvalidInputError, match="joined already"):
        begin.join_datasets("raw").join_datasets("raw")
    with pytest.raises(InvalidInputError, match="Name the columns"):
        begin.select()


def test_joined_datasets_must_exist_and_can_be_named(butler):
    begin = butler.query().where(instrument="Cam")
    assert begin.data_ids(["exposure", "detector"]).count() == 12
    joined = begin.join_datasets("raw", "Cam/raw")
    assert joined.where("raw.run = 'Cam/raw'").data_ids("exposure").count() == 3
    assert joined.where("raw.run = 'x'").data_ids("exposure").count() == 0
    assert not begin.join_datasets("raw", "mine").data_ids("exposure").any()
    # The datasets of a joined type are those of its search.
    assert joined.datasets("raw").query.target.collections == ("Cam/raw",)
    assert joined.datasets("raw").query.datasets == ()
    assert joined.datasets("raw", "mine").count() == 0


def test_threads_share_a_query(butler):
    begin = butler.query().where("exposure.exposure_time > 15")
    with ThreadPoolExecutor(4) as threads:
        found = threads.map(
            lambda n: begin.where(detector=n % 4).datasets("raw").count(), range(16)
        )
        assert set(found) == {2}


def test_default_values_hold_for_what_a_condition_brings_in(repository):
    butler = Butler.of(repository, defaults={"instrument": "Cam", "detector": 2})
    found = butler.query().where(
        "visit_detector_region.region OVERLAPS POINT(11.6, 0.1)"
    )
    assert found.data_ids("visit").count() == 1
    elsewhere = found.where("detector != 2")
    assert elsewhere.data_ids("visit").count() == 0
    # A condition that comes later speaks for itself, too.
    ids = butler.query_data_ids(["exposure", "detector"])
    assert ids.count() == 3
    assert ids.where("detector IN (1, 3)").count() == 6


def test_a_table_has_a_name_of_its_own(butler):
    rows = {"exposure": [1, 2], "seeing": [0.7, 1.4]}
    begin = butler.query().join_table(rows)
    with pytest.raises(InvalidInputError, match="called 'table' is joined already"):
        begin.join_table(rows)
    both = begin.join_table(rows, "other").select("table.seeing", "other.seeing")
    assert sorted(row["other.seeing"] for row in both) == [0.7, 1.4]
    with pytest.raises(InvalidInputError, match="cannot be called 'visit'"):
        begin.join_table(rows, "visit")
    with pytest.raises(InvalidInputError, match="'raw' is a dataset type"):
        butler.query().join_table(rows, "raw").datasets("raw")
    with pytest.raises(QuerySyntaxError, match=r"no column 'seing'.* 'seeing'"):
        begin.where("table.seing < 1").data_ids("exposure")


def test_several_types_are_asked_for_at_once(butler):
    found = butler.query_datasets(["raw", "b*"], collections=["Cam/raw", "Cam/biases"])
    assert [one.name for one in found.dataset_types] == ["raw", "bias"]
    assert found.count() == 16
    assert found.count_by_type() == {"raw": 12, "bias": 4}
    assert {ref.dataset_type.name for ref in found} == {"raw", "bias"}
    frame = found.to_polars()
    assert frame.columns[:1] == ["dataset_type"]
    assert frame.columns[-4:] == [
        *("dataset_id", "run", "timespan_begin", "timespan_end")
    ]
    assert frame.filter(dataset_type="bias")["exposure"].null_count() == 4
    part = found.where(detector=1).order_by("-detector").limit(4)
    assert [ref.dataset_type.name for ref in part] == ["raw"] * 3 + ["bias"]
    assert part.count() == part.to_polars().height == 4
    assert found.limit(13).count() == found.limit(13).to_polars().height == 13
    assert found.limit(5).count() == len(list(found.limit(5))) == 5
    assert not found.limit(0).any()
    assert found.by_type()["bias"].count() == 4
    assert pl.DataFrame(found).equals(frame)
    assert "<td>raw</td><td>12</td>" in found._repr_html_()


def test_several_types_without_datasets_say_why_for_each(butler):
    found = butler.query_datasets(["raw", "bias"], collections=["Cam/raw"])
    none = found.where(detector=9)
    assert not none.any()
    assert none.to_polars().is_empty()
    first, second = none.why_empty()
    assert first.startswith("raw: No row satisfies `detector = 9`.")
    assert second == "bias: There is no 'bias' in 'Cam/raw'."
    assert found.why_empty() == []
    nothing = butler.query_datasets(["x*"])
    assert (nothing.count(), list(nothing)) == (0, [])
    assert nothing.to_polars().columns == ["dataset_type", "dataset_id", "run"]
    assert "no dataset type" in nothing.why_empty()[0]


def test_a_pattern_stands_in_a_list(butler):
    with pytest.raises(InvalidInputError, match=r"several types.*\['ra\*'\]"):
        butler.query_datasets("ra*")
    with pytest.raises(DatasetTypeNotFoundError, match="Did you mean 'raw'"):
        butler.query_datasets(["rav"])


def test_a_component_stands_for_the_datasets_that_have_it(butler):
    group = butler.universe.group(["detector"])
    butler.dataset_types.register(DatasetType("image", group, "CCDImage"))
    assert butler.query_datasets("image.wcs").dataset_type.name == "image"
    with pytest.raises(InvalidInputError, match=r"no component 'wsc'.*'wcs'"):
        butler.query_datasets("image.wsc")


OWN = pl.DataFrame({"exposure": [1, 2, 9], "seeing": [0.5, 1.5, 1.0]})


def test_rows_of_a_table_of_ones_own_choose_and_are_shown(butler):
    own = butler.query().join_table(OWN, "own")
    assert exposures(own.data_ids("exposure")) == [1, 2]
    assert own.where("own.seeing < 1").datasets("raw").count() == 4
    assert own.where("own.seeing > 1").records("exposure").to_polars()[
        "exposure"
    ].to_list() == [2]
    found = own.select("exposure", "own.seeing").order_by("-own.seeing")
    assert found.to_polars().rows() == [(2, 1.5), (1, 0.5)]
    assert list(found.limit(1)) == [{"exposure": 2, "own.seeing": 1.5}]
    shown = own.datasets("raw").with_columns("own.seeing").to_polars()
    assert shown.filter(exposure=1)["own.seeing"].to_list() == [0.5] * 4
    # Results of a query are a table too.
    bright = butler.query_data_ids("exposure", where="exposure.exposure_time > 15")
    assert exposures(butler.query().join_table(bright).data_ids("exposure")) == [2, 3]


def test_columns_stand_beside_data_ids_and_datasets(butler):
    ids = butler.query_data_ids("exposure").with_columns("exposure_time", "timespan")
    assert ids.to_polars().columns[-3:] == [
        "exposure.exposure_time",
        "exposure.timespan_begin",
        "exposure.timespan_end",
    ]
    assert ids.to_astropy()["exposure.timespan_begin"].scale == "tai"
    rows = butler.query_datasets("raw").with_columns(
        "ingest_time", "size", "collection"
    )
    frame = rows.where(exposure=2).to_polars()
    assert frame["raw.dataset_id"].n_unique() == frame.height == rows.count() / 3
    assert set(frame["raw.collection"]) == {"Cam/raw"}
    assert frame["raw.size"].min() > 0
    biases = butler.query_datasets("bias", collections="Cam/calib")
    assert biases.with_columns("bias.timespan.end").count() == 4
    with pytest.raises(InvalidInputError, match=r"Cannot show 'exposur.*'exposure'"):
        butler.query_data_ids("exposure").with_columns("exposur.exposure_time")


def test_selected_rows_are_there_once(butler):
    begin = butler.query().where("exposure > 0")
    assert begin.select("band").order_by("band").to_polars().rows() == [("g",), ("r",)]
    pairs = begin.select("band", "exposure.can_see_sky").to_polars()
    assert set(pairs.rows()) == {("g", True), ("g", False), ("r", True)}
    joined = butler.query().join_datasets("raw", "Cam/raw")
    assert joined.select("raw.run").to_polars().rows() == [("Cam/raw",)]


def test_rows_are_counted_and_compared_by_columns(butler):
    ids = butler.query_data_ids(["exposure", "detector"])
    assert ids.count(by="band").rows() == [("g", 8), ("r", 4)]
    assert ids.count(by=["band", "detector"]).height == 8
    raws = butler.query_datasets("raw")
    assert raws.count(by="run").rows() == [("Cam/raw", 12)]
    assert raws.where("detector > 1").count(by="exposure, band").rows() == [
        (1, "g", 2),
        (2, "g", 2),
        (3, "r", 2),
    ]
    assert raws.min("exposure.exposure_time") == 10.0
    assert raws.max("exposure.exposure_time") == 30.0
    assert raws.where(band="x").max("exposure.exposure_time") is None
    assert raws.max("exposure.exposure_time", by="band").rows() == [
        ("g", 20.0),
        ("r", 30.0),
    ]
    with pytest.raises(InvalidInputError, match="limit and offset"):
        raws.limit(3).count(by="band")
    with pytest.raises(InvalidInputError, match="Did you mean 'band'"):
        raws.count(by="bnd")


def test_rows_come_in_batches(butler):
    raws = butler.query_datasets("raw").where("detector > 0").order_by("exposure")
    frames = list(raws.batches(4))
    assert [frame.height for frame in frames] == [4, 4, 1]
    assert pl.concat(frames)["exposure"].to_list() == [1] * 3 + [2] * 3 + [3] * 3
    assert list(raws.where("detector > 9").batches()) == []
    with pytest.raises(InvalidInputError):
        list(raws.batches(0))


def test_an_explanation_says_how_and_why_not(butler):
    raws = butler.query_datasets("raw")
    found = raws.explain()
    assert found.reasons == ()
    assert found.plan.seconds > 0
    assert "raw" in str(found)
    nothing = raws.where("detector = 9").explain()
    assert nothing.reasons[0] == "No row satisfies `detector = 9`."
    assert str(nothing).startswith(nothing.reasons[0])
