"""What is of the wrong Python type gets a sentence, from every method of results."""

from __future__ import annotations

import pytest

from pantler.errors import InvalidInputError

RESULTS = {
    "data IDs": lambda b: b.query_data_ids("exposure,detector"),
    "datasets": lambda b: b.query_datasets("raw"),
    "records": lambda b: b.query_dimension_records("exposure"),
    "rows": lambda b: b.query().select("exposure"),
    "several": lambda b: b.query_datasets(["raw"]),
}
CALLS = {
    "where": lambda r, v: r.where(v),
    "bind": lambda r, v: r.where("exposure = :x", bind=v),
    "order_by": lambda r, v: r.order_by(v),
    "limit": lambda r, v: r.limit(v),
    "offset": lambda r, v: r.offset(v),
    "batches": lambda r, v: list(r.batches(v)),
    "count": lambda r, v: r.count(by=v),
    "min": lambda r, v: r.min(v),
    "max": lambda r, v: r.max("exposure", by=v),
    "with_columns": lambda r, v: r.with_columns(v),
}
ONLY_OF_ONE_TYPE = {"offset", "batches", "count", "min", "max", "with_columns"}
WRONG = [object(), 3.5, b"bytes", [object()], {1: 2}, print]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", RESULTS)
def test_what_is_of_the_wrong_type_is_refused(kind, call, value, butler):
    if (kind == "several" and call in ONLY_OF_ONE_TYPE) or (
        call == "with_columns" and kind in {"records", "rows"}
    ):
        pytest.skip(f"{kind} have no such method")
    with pytest.raises(InvalidInputError):
        CALLS[call](RESULTS[kind](butler), value)


@pytest.mark.parametrize("rows", [0, -1, 2.5, None, "3"])
def test_a_frame_has_a_number_of_rows(rows, butler):
    with pytest.raises(InvalidInputError, match="row"):
        list(butler.query_datasets("raw").batches(rows))
