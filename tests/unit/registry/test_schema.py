"""The tables of a repository."""

from __future__ import annotations

from contextlib import closing

import pytest
import sqlalchemy as sa

from pantler.dimensions.universe import Universe
from pantler.registry.sql.postgresql import PostgresqlRegistry
from pantler.registry.sql.schema import Schema
from pantler.testing.survey import fill_survey, insert_some, raw_type


@pytest.fixture(scope="module")
def schema():
    return Schema(Universe.default())


def _leading(table):
    """Return the first columns of all that a database can look rows up by."""
    keys = [list(table.primary_key.columns), *(list(i.columns) for i in table.indexes)]
    return {key[0].name for key in keys}


def test_whatever_is_removed_is_looked_for_by_an_index(schema):
    """A foreign key without one makes each removal of what it refers to a full scan."""
    schema.record_table("file")
    # Groups of dimensions are never removed.
    others = {*schema.elements, "dimension_group"}
    for table in schema.metadata.tables.values():
        for key in table.foreign_keys:
            if key.column.table.name not in others:
                assert key.parent.name in _leading(table), f"{table}.{key.parent.name}"


def test_datasets_are_not_checked_one_by_one(schema):
    """What they refer to is made sure of for all of a batch."""
    for table in (
        schema.dataset,
        schema.dataset_uuid,
        schema.membership,
        schema.calibration,
    ):
        assert not table.foreign_keys


def test_a_dataset_is_found_by_its_uuid_alone(schema):
    """In a table of its own, which keeps UUIDs unique and is filled in their order."""
    assert [c.name for c in schema.dataset_uuid.primary_key.columns] == ["uuid"]
    assert not schema.dataset.indexes
    assert len(schema.dataset.constraints) == 1


@pytest.mark.parametrize("table", ["dataset", "dataset_uuid"])
def test_on_a_server_tables_with_a_row_for_each_dataset_are_divided(postgresql, table):
    """And every row has its place: the parts take all that can come."""
    with postgresql.database() as name:
        uri = postgresql.uri(name)
        with closing(PostgresqlRegistry.create(uri, Universe.default())) as registry:
            raw = _filled(registry)
            ids = [
                one for n in range(1, 4) for one in insert_some(registry, raw, f"{n}")
            ]
            count = sa.text(f"SELECT tableoid FROM {table}")
            parts = [part for (part,) in registry._db.rows(count)]
        assert len(parts) == len(ids)
        assert len(set(parts)) > 1


def _filled(registry):
    fill_survey(registry)
    return raw_type(registry)
