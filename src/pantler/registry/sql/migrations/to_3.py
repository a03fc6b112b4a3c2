"""Version 3: a table of UUIDs of datasets, and one of files that are to be removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from pantler.registry.sql.migrations.step import Step

if TYPE_CHECKING:
    from alembic.operations import Operations

_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPTIONS: Final[dict[str, Any]] = {"sqlite_with_rowid": False}


def _columns(*names: str) -> list[sa.Column[Any]]:
    types: dict[str, sa.types.TypeEngine[Any]] = {
        "uuid": sa.LargeBinary(16),
        "ingest_time": sa.BigInteger(),
        "begin_ns": sa.BigInteger(),
        "end_ns": sa.BigInteger(),
    }
    return [sa.Column(n, types.get(n, _NUMBER), nullable=False) for n in names]


def _describe(op: Operations, datastores: tuple[str, ...]) -> None:
    place = ("run_id", "dataset_type_id", "data_id")
    member = ("collection_id", "dataset_type_id", "data_id")
    op.create_table(
        "dataset_uuid",
        *_columns("uuid", *place),
        sa.PrimaryKeyConstraint("uuid"),
        **_OPTIONS,
    )
    op.execute(
        "INSERT INTO dataset_uuid SELECT uuid, run_id, dataset_type_id, data_id "
        "FROM dataset ORDER BY uuid"
    )
    for name in datastores:
        _move_records(op, f"datastore_{name}")
    _replace(op, "dataset", (*place, "uuid", "ingest_time"), place)
    # New names for what a program of version 2 reads or writes in each transaction: one
    # that still has the file open gets errors, and cannot change half of the tables.
    op.rename_table("catalog_change", "catalog_journal")
    _replace(op, "tag", (*member, "uuid", "run_id"), member, to="membership")
    times = ("begin_ns", "end_ns")
    _replace(
        op,
        "calibration",
        (*member, *times, "uuid", "run_id"),
        (*member, "begin_ns"),
    )
    op.create_table(
        "trash",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("datastore", sa.String, nullable=False),
        sa.Column("store", sa.String, nullable=False),
        sa.Column("path", sa.String, nullable=False),
    )
    op.create_index("ix_trash_path", "trash", ["path"])
    op.create_index("ix_collection_chain_child", "collection_chain", ["child"])
    op.create_index("ix_collection_type_collection_id", "collection_type", [member[0]])


def _replace(
    op: Operations,
    table: str,
    names: tuple[str, ...],
    key: tuple[str, ...],
    *,
    to: str = "",
) -> None:
    """Make a table anew, without foreign keys and with the run of each dataset."""
    new = f"new_{table}"
    op.create_table(new, *_columns(*names), sa.PrimaryKeyConstraint(*key), **_OPTIONS)
    if table == "dataset":
        source, chosen = table, ", ".join(names)
    else:
        source = f"{table} JOIN dataset_uuid ON dataset_uuid.uuid = {table}.uuid"
        where = {"run_id": "dataset_uuid"}
        chosen = ", ".join(f"{where.get(name, table)}.{name}" for name in names)
    op.execute(f"INSERT INTO {new} SELECT {chosen} FROM {source}")  # noqa: S608 - our own names
    op.drop_table(table)
    op.rename_table(new, to or table)


def _move_records(op: Operations, table: str) -> None:
    """Have a table of records refer to the table of UUIDs."""
    new = f"new_{table}"
    op.create_table(
        new,
        sa.Column("dataset_id", sa.LargeBinary(16), nullable=False),
        sa.Column("store", sa.String, nullable=False),
        sa.Column("component", sa.String, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("offset", sa.BigInteger),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("checksum", sa.String),
        sa.Column("formatter", sa.String, nullable=False),
        sa.Column("storage_class", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", "store", "component"),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset_uuid.uuid"]),
        **_OPTIONS,
    )
    quoted_new, quoted = f'"{new}"', f'"{table}"'
    op.execute(f"INSERT INTO {quoted_new} SELECT * FROM {quoted}")  # noqa: S608 - checked names
    op.drop_table(table)
    op.rename_table(new, table)
    op.create_index(f"ix_{table}_path", table, ["path"])


TO_3: Final = Step(
    version=3,
    title="a table of UUIDs of datasets, and one of files that are to be removed",
    readable_since=3,
    describe=_describe,
)
