"""Fixtures of the suites that all registries pass."""

from __future__ import annotations

import pytest
import sqlalchemy as sa


@pytest.fixture
def leave_uuid():
    """Return a function that has a UUID lead to the place of another dataset."""

    def leave(registry, left, taken):
        registry._db.run(
            sa.text(
                "INSERT INTO dataset_uuid (uuid, run_id, dataset_type_id, data_id) "
                "SELECT :left, run_id, dataset_type_id, data_id FROM dataset_uuid "
                "WHERE uuid = :taken"
            ).bindparams(left=left, taken=taken)
        )

    return leave
