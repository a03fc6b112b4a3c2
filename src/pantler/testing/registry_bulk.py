"""A registry with many datasets at once, for which databases may have other ways.

Part of `pantler.testing.registry.RegistrySuite`.
"""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.errors import ConflictError, DataIdError
from pantler.queries.query import DatasetSearch, Query
from pantler.testing.survey import fill_survey, raw_type

if TYPE_CHECKING:
    from pantler.datasets.dataset_type import DatasetType
    from pantler.registry.interface import Registry

MANY = 1_200


def _many_data_ids(registry: Registry) -> pl.DataFrame:
    """Return the data IDs of many detectors in one exposure; make the detectors."""
    fill_survey(registry)
    numbers = range(100, 100 + MANY)
    of = {"instrument": "Cam"}
    rows = [{**of, "detector": n, "full_name": f"S{n}"} for n in numbers]
    registry.dimensions.insert("detector", rows)
    return pl.DataFrame([{**of, "detector": n, "exposure": 1} for n in numbers])


def _insert(
    registry: Registry, raw: DatasetType, run: str, data_ids: pl.DataFrame
) -> pl.Series:
    registry.collections.register(run, CollectionType.RUN)
    ids = uuid_series(make_uuids(data_ids.height)).shuffle(seed=1)
    registry.datasets.insert(raw, run, data_ids, ids)
    return ids


def _found(registry: Registry, raw: DatasetType, name: str) -> dict[int, bytes]:
    search = DatasetSearch(raw, (name,))
    rows = registry.query(Query(raw.dimensions, target=search))
    return dict(zip(rows["detector"], rows["dataset_id"], strict=True))


class BulkSuite:
    """Many datasets."""

    def test_many_datasets_are_inserted_each_with_its_data_id(
        self, registry: Registry
    ) -> None:
        """Whether their data IDs are new, known or some of each."""
        data_ids, raw = _many_data_ids(registry), raw_type(registry)
        parts = {"new": data_ids[:800], "known": data_ids[:800], "some": data_ids[400:]}
        for run, part in parts.items():
            ids = _insert(registry, raw, run, part)
            expected = dict(zip(part["detector"], ids, strict=True))
            assert _found(registry, raw, run) == expected
            ref = registry.datasets.get(ids[7])
            assert ref is not None
            assert ref.run == run
            assert ref.data_id["detector"] == part["detector"][7]

    def test_of_many_datasets_none_is_inserted_if_one_cannot_be(
        self, registry: Registry
    ) -> None:
        """And it is said which one."""
        data_ids, raw = _many_data_ids(registry), raw_type(registry)
        ids = _insert(registry, raw, "run", data_ids[:1])
        others = uuid_series(make_uuids(MANY))
        insert = registry.datasets.insert
        with pytest.raises(ConflictError, match="detector: 100"):
            insert(raw, "run", data_ids, others)
        twice = pl.concat([data_ids[1:], data_ids[5:6]])
        with pytest.raises(ConflictError, match=r"detector: 105.*given twice"):
            insert(raw, "run", twice, others)
        unknown = data_ids[:1].with_columns(exposure=pl.lit(77, pl.Int64))
        strange = pl.concat([data_ids[1:], unknown])
        with pytest.raises(DataIdError, match="77"):
            insert(raw, "run", strange, others)
        used = pl.concat([ids, others[1:]])
        registry.collections.register("other", CollectionType.RUN)
        with pytest.raises(ConflictError, match="in use"):
            insert(raw, "other", data_ids, used)
        assert _found(registry, raw, "run") == {100: ids[0]}
        assert _found(registry, raw, "other") == {}

    def test_many_datasets_are_deleted_and_no_others(self, registry: Registry) -> None:
        """Also from the collections that have them."""
        data_ids, raw = _many_data_ids(registry), raw_type(registry)
        first = _insert(registry, raw, "first", data_ids)
        second = _insert(registry, raw, "second", data_ids)
        registry.collections.register("tag", CollectionType.TAGGED)
        registry.collections.associate("tag", first.to_list())
        doomed = [*first[:700], *second[1100:], bytes(16)]
        registry.datasets.delete(doomed)
        left = dict(zip(data_ids["detector"][700:], first[700:], strict=True))
        assert _found(registry, raw, "first") == left
        assert _found(registry, raw, "tag") == left
        left = dict(zip(data_ids["detector"][:1100], second[:1100], strict=True))
        assert _found(registry, raw, "second") == left
        assert registry.datasets.get(first[0]) is None
        registry.datasets.insert(raw, "first", data_ids[:700], first[:700])
        assert len(_found(registry, raw, "first")) == MANY
