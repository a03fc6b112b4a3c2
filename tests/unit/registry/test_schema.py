"""The tables of a repository."""

from __future__ import annotations

import pytest

from pantler.dimensions.universe import Universe
from pantler.registry.sql.schema import Schema


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
    for table in (schema.dataset, schema.dataset_uuid, schema.tag, schema.calibration):
        assert not table.foreign_keys


def test_a_dataset_is_found_by_its_uuid_alone(schema):
    """In a table of its own, which keeps UUIDs unique and is filled in their order."""
    assert [c.name for c in schema.dataset_uuid.primary_key.columns] == ["uuid"]
    assert not schema.dataset.indexes
    assert len(schema.dataset.constraints) == 1
