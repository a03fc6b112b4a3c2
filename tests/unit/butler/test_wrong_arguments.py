"""What is of the wrong Python type gets a sentence, from every public method."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.table import Column, QTable, Table

from pantler.butler.arguments import check_of
from pantler.butler.collections import Collections
from pantler.butler.dataset_types import DatasetTypes
from pantler.butler.dimensions import Dimensions
from pantler.butler.direct import DirectButler
from pantler.butler.interface import Butler
from pantler.butler.query_builder import QueryBuilder
from pantler.errors import DataIdError, InvalidInputError

FACADES = {
    DirectButler: lambda butler: butler,
    Collections: lambda butler: butler.collections,
    DatasetTypes: lambda butler: butler.dataset_types,
    Dimensions: lambda butler: butler.dimensions,
    QueryBuilder: lambda butler: butler.query(),
}
ANYTHING = {("put", "value"), ("join_table", "table")}


def _parameters():
    for facade in FACADES:
        for name, method in vars(facade).items():
            if name.startswith("_") or not inspect.isfunction(method):
                continue
            _, *parameters = inspect.signature(method).parameters.values()
            for parameter in parameters:
                if parameter.kind is not parameter.VAR_KEYWORD:
                    yield facade, name, parameter


CASES = [
    pytest.param(facade, name, parameter, id=f"{facade.__name__}.{name}-{parameter}")
    for facade, name, parameter in _parameters()
    if (name, parameter.name) not in ANYTHING
]


@pytest.mark.parametrize(("facade", "name", "parameter"), CASES)
def test_every_argument_of_every_public_method_is_checked(
    butler, facade, name, parameter
):
    check = check_of(str(parameter.annotation))
    assert check is not None, f"add '{parameter.annotation}' to butler.arguments"
    wrong = [
        value
        for value in (object(), 3.5, b"bytes", [object()], {"a": 1}, print)
        if not check.accepts(value)
    ]
    assert object in map(type, wrong)
    method = getattr(FACADES[facade](butler), name)
    others = [
        p
        for p in inspect.signature(method).parameters.values()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    for value in wrong:
        arguments = {p.name: _right(p) for p in others}
        several = ["visit = 1", "visit = 2", value]
        if parameter.kind is not parameter.VAR_POSITIONAL:
            several = []
            arguments[parameter.name] = value
        with pytest.raises(InvalidInputError) as caught:
            method(*several, **arguments)
        assert f"'{parameter.name}' of {name}() is " in str(caught.value)
        assert f"of type {type(value).__name__}. Give " in str(caught.value)


def _right(parameter):
    """Return something that a required parameter may be."""
    check = check_of(str(parameter.annotation))
    if check is None:
        return 1
    for value in ("text", {"visit": 1}, ["text"], []):
        if check.accepts(value):
            return value
    return check.classes[0].__new__(check.classes[0])


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda b: b.get(5),
            r"'dataset' of get\(\) is 5, of type int. "
            r"Give text, a DatasetType or a DatasetRef.",
        ),
        (lambda b: b.put({}, None), r"'dataset' of put\(\) is None"),
        (lambda b: b.get("raw", [1]), r"'data_id' of get\(\) is \[1\].*a mapping"),
        (lambda b: b.get("raw", collections=3), r"'collections' of get\(\) is 3"),
        (lambda b: b.query_datasets([5]), r"'dataset' of query_datasets\(\)"),
        (lambda b: b.query_datasets("raw", where=5), r"'where' .* is 5, .* Give text"),
        (
            lambda b: b.query_datasets("raw", collections=["u", 3]),
            "Give text, None or several, each text",
        ),
        (lambda b: b.query_data_ids(5), r"'dimensions' of query_data_ids\(\) is 5"),
        (lambda b: b.query_data_ids("visit", bind=["a"]), "'bind' of"),
        (lambda b: b.query_dimension_records(None), "'element' of"),
        (lambda b: b.find_dataset("raw", timespan="2025"), "a Timespan or None"),
        (lambda b: b.get_ref(7), r"'dataset_id' of get_ref\(\)"),
        (lambda b: b.get_refs(7), r"'dataset_ids' of get_refs\(\)"),
        (lambda b: b.uri("raw"), r"'ref' of uri\(\) is 'raw'.*a DatasetRef"),
        (lambda b: b.ingest("frame.fits"), "several, each a FileDataset"),
        (lambda b: b.collections.get(4), r"'name' of get\(\) is 4"),
        (lambda b: b.collections.chain("c", 4), "'children' of chain"),
        (lambda b: b.collections.register("c", 4), "CALIBRATION. or text"),
        (lambda b: b.dataset_types.get(None), r"'name' of get\(\) is None"),
        (lambda b: b.dimensions.insert(3, []), r"'element' of insert\(\) is 3"),
        (lambda b: b.dimensions.insert("visit", 3), r"'rows' of insert\(\) is 3"),
        (lambda _: Butler.open(5), r"'uri' of open\(\) is 5.*text or a path"),
        (lambda _: Butler.create(None), r"'uri' of create\(\) is None"),
        (lambda _: Butler.open("x", run=["a"]), r"'run' of open\(\)"),
    ],
)
def test_the_sentence_says_what_was_given_and_what_is_wanted(butler, call, expected):
    with pytest.raises(InvalidInputError, match=expected):
        call(butler)


def test_a_long_value_is_shortened(butler):
    with pytest.raises(InvalidInputError) as caught:
        butler.get(["a" * 1000])
    assert len(str(caught.value)) < 250


def test_what_fits_is_taken_whatever_its_class(butler):
    ref = butler.put({}, np.str_("raw"), exposure=np.int64(1), detector=1)
    assert butler.find_dataset("raw", ref.data_id) == ref
    assert butler.get_refs(one for one in [ref.id]) == [ref]
    for collections in (("mine",), {"mine"}, pl.Series(["mine"]), iter(["mine"])):
        assert butler.find_dataset("raw", ref.data_id, collections=collections) == ref


def test_methods_keep_their_names_and_words():
    assert DirectButler.get.__doc__
    assert list(inspect.signature(DirectButler.get).parameters)[:2] == [
        "self",
        "dataset",
    ]
    assert Path(inspect.getsourcefile(inspect.unwrap(DirectButler.get))).name == (
        "direct.py"
    )


def _rows(columns):
    return (
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    )


DETECTOR = {"instrument": ["Cam"], "detector": [77], "full_name": ["spare"]}


@pytest.mark.parametrize(
    "make",
    [pd.DataFrame, pa.table, Table, pl.LazyFrame, _rows],
    ids=["pandas", "arrow", "astropy", "lazy", "generator"],
)
def test_records_come_from_tables_of_any_library(butler, make):
    assert butler.dimensions.insert("detector", make(DETECTOR)) == 1
    found = butler.dimensions.find("detector", {"instrument": "Cam", "detector": 77})
    assert found["full_name"] == "spare"


def test_records_with_a_unit_are_refused(butler):
    table = QTable({**DETECTOR, "detector": [77] * u.s})
    with pytest.raises(InvalidInputError, match=r"'detector' of the table .* 's'"):
        butler.dimensions.insert("detector", table)


def test_what_records_may_be_is_said(butler):
    for wrong in (DETECTOR, [3]):
        with pytest.raises(InvalidInputError) as caught:
            butler.dimensions.insert("detector", wrong)
        said = "Give a list of mappings or a frame (polars, Arrow, pandas, astropy)."
        assert said in str(caught.value)
    with pytest.raises(InvalidInputError) as caught:
        butler.dimensions.plan_removal("detector", DETECTOR)
    assert "anything" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [20.4 * u.deg, [20.4] * u.deg, Column([0.5], unit=u.min), u.Quantity(3, "s")],
)
def test_what_is_bound_has_no_unit(butler, value):
    operator = "IN" if value.ndim else "="
    where = f"exposure.exposure_time {operator} :x"
    with pytest.raises(InvalidInputError, match=r"in the unit '.*Convert"):
        butler.query_data_ids("exposure", where=where, bind={"x": value}).count()


def test_quantities_without_a_unit_are_numbers(butler):
    times = butler.query_dimension_records("exposure").to_polars()["exposure_time"]
    where = "exposure.exposure_time = :x"
    for value in (u.Quantity(times[0]), times[0] * 100 * u.percent):
        found = butler.query_data_ids("exposure", where=where, bind={"x": value})
        assert found.count() == (times == times[0]).sum() > 0
    where = "exposure.exposure_time IN :x"
    listed = {"x": u.Quantity(times.unique().to_list())}
    found = butler.query_data_ids("exposure", where=where, bind=listed)
    assert found.count() == len(times)


def test_results_are_true_if_there_are_any(butler):
    for some in (
        butler.query_data_ids("exposure"),
        butler.query_dimension_records("exposure"),
        butler.query_datasets("raw", collections="Cam/raw"),
        butler.query_datasets(["*"], collections="Cam/raw"),
        butler.query_data_ids("exposure").with_columns("exposure_time"),
    ):
        assert bool(some) is some.any()
        assert not some.limit(0)
    assert not butler.query_data_ids("exposure", where="exposure < 0")
    assert butler.query_data_ids("exposure")


def test_an_unknown_number_is_not_likened_to_another(butler):
    known = butler.query_data_ids("exposure").to_polars()["exposure"][0]
    with pytest.raises(DataIdError) as caught:
        butler.dimensions.expand(
            {"instrument": "Cam", "exposure": int(f"{known}7")},
            butler.universe.group(["exposure"]),
        )
    assert str(caught.value).endswith(f"No exposure {known}7 is known.")


def test_digits_in_quotes_that_are_no_name_are_refused(butler):
    known = butler.query_data_ids("exposure").to_polars()["exposure"][0]
    said = f"write exposure={known}, without quotes"
    with pytest.raises(DataIdError, match=said):
        butler.dimensions.expand(
            {"instrument": "Cam", "exposure": str(known)},
            butler.universe.group(["exposure"]),
        )
    with pytest.raises(DataIdError, match=said):
        butler.query_data_ids("exposure", exposure=str(known)).count()
    with pytest.raises(DataIdError, match=said):
        butler.query_data_ids("exposure").where(exposure=[str(known)]).count()
    butler.dimensions.insert(
        "detector", [{k: v[0] for k, v in DETECTOR.items()} | {"full_name": "12"}]
    )
    found = butler.query_data_ids("detector", detector="12").to_polars()
    assert found["detector"].to_list() == [77]


def test_the_time_of_calibrations_is_that_of_their_validity(butler):
    found = butler.query_datasets("bias", collections="Cam/calib")
    assert (
        found.with_columns("timespan").query
        == found.with_columns("bias.timespan").query
    )
