"""Refs and data IDs of queries hold records on request, and come a few at a time."""

from __future__ import annotations

import pytest

from pantler import Butler
from pantler.queries import results


@pytest.fixture
def butler(survey_repository):
    with Butler.open(survey_repository) as butler:
        yield butler


def _records(butler, element):
    return {
        tuple(record.values[name] for name in record.element.required): record.values
        for record in butler.query_dimension_records(element)
    }


def test_refs_hold_the_records_of_their_dimensions(butler):
    found = butler.query_datasets("raw").with_records()
    plain = {ref.id: ref for ref in butler.query_datasets("raw")}
    exposures = _records(butler, "exposure")
    assert len(plain) > 1
    for ref in found:
        assert ref == plain[ref.id]
        assert hash(ref.data_id) == hash(plain[ref.id].data_id)
        records = ref.data_id.records
        assert {"instrument", "detector", "exposure", "physical_filter"} <= set(records)
        key = ref.data_id["instrument"], ref.data_id["exposure"]
        assert records["exposure"].values == exposures[key]
        assert records["band"]["band"] == ref.data_id["band"]
        assert records["detector"]["detector"] == ref.data_id["detector"]
        del plain[ref.id]
    assert not plain


def test_records_stay_asked_for_with_conditions_and_parts(butler):
    (one,) = (
        butler.query_data_ids("exposure").with_records().order_by("-exposure").limit(1)
    )
    assert one.records["exposure"]["exposure"] == one["exposure"]
    several = butler.query_datasets(["raw", "bias"]).with_records().limit(1)
    assert all("detector" in ref.data_id.records for ref in several)


def test_a_relation_between_dimensions_is_a_record_too(butler):
    found = list(butler.query_data_ids(["visit", "detector"]).with_records())
    regions = _records(butler, "visit_detector_region")
    assert found
    for data_id in found:
        key = data_id["instrument"], data_id["detector"], data_id["visit"]
        held = data_id.records.get("visit_detector_region")
        assert (held and held.values) == regions.get(key)


def test_iterating_holds_a_few_rows_at_a_time(butler, monkeypatch):
    """Though nobody said how many there would be."""
    monkeypatch.setattr(results, "_CHUNK_ROWS", 2)
    expected = sorted(map(str, butler.query_datasets("raw").to_polars()["dataset_id"]))
    heights = []
    usual = results.DatasetResults.batches

    def batches(self, rows):
        for frame in usual(self, rows):
            heights.append(frame.height)
            yield frame

    monkeypatch.setattr(results.DatasetResults, "batches", batches)
    found = [str(ref.id.bytes) for ref in butler.query_datasets("raw")]
    assert sorted(found) == expected
    assert len(heights) > 1
    assert max(heights) == 2
