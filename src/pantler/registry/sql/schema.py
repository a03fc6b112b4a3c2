"""The tables, made from the universe: decision record 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from pantler.dimensions.records import record_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantler.dimensions.column import Column
    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import DimensionGroup, Universe

SCHEMA_VERSION = 3
"""Raised with every change of the tables that an older pantler cannot read."""

# SQLite makes only an INTEGER, not a BIGINT, primary key the row's own number.
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

DIVIDED_BY: Final = "divided by"
"""Under this key, a table's ``info`` names the column by which it can be divided.

SQLAlchemy's own word for it would import the dialects of a database not in use.
"""
_NO_ROWID: dict[str, Any] = {"sqlite_with_rowid": False}


def column_type(column: Column) -> sa.types.TypeEngine[Any]:
    """Return the SQL type of a record column."""
    if column.type == "string":
        return sa.String(column.length or None)
    types: dict[str, sa.types.TypeEngine[Any]] = {
        "int": sa.BigInteger(),
        "time": sa.BigInteger(),
        "float": sa.Double(),
        "bool": sa.Boolean(),
        "hash": sa.LargeBinary(),
        "region": sa.LargeBinary(),
    }
    return types[column.type]


class Schema:
    """The tables of a repository.

    Parameters
    ----------
    universe
        The dimensions that its element tables are made from.

    Attributes
    ----------
    elements
        The table of each element that is stored, by name.
    pixels
        For each spatial element, the common sky pixels that its regions touch.
    """

    def __init__(self, universe: Universe) -> None:
        self.universe = universe
        self.metadata = sa.MetaData()
        self._catalog_tables()
        self._collection_tables()
        self._dataset_tables()
        self._membership_tables()
        self._trash_table()
        stored = [e for e in universe.elements.values() if not e.is_pixel]
        self.elements = {e.name: self._element_table(e) for e in stored}
        self.pixels = {e.name: self._pixel_table(e) for e in stored if e.is_spatial}
        self.fixed = list(self.metadata.sorted_tables)
        self._data_ids: dict[tuple[int, tuple[str, ...]], sa.Table] = {}

    def _catalog_tables(self) -> None:
        meta = self.metadata
        self.attribute = sa.Table(
            "attribute",
            meta,
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("value", sa.String, nullable=False),
        )
        # What changed of the catalog, and in which order: see `catalog`.
        self.catalog_journal = sa.Table(
            "catalog_journal",
            meta,
            sa.Column("revision", ROW_NUMBER, primary_key=True),
            sa.Column("subject", sa.String, nullable=False),
            sa.Column("number", ROW_NUMBER, nullable=False),
            sa.Column("type_id", ROW_NUMBER, nullable=False),
        )
        self.dimension_group = sa.Table(
            "dimension_group",
            meta,
            sa.Column("id", ROW_NUMBER, primary_key=True),
            sa.Column("dimensions", sa.String, nullable=False, unique=True),
        )
        self.dataset_type = sa.Table(
            "dataset_type",
            meta,
            sa.Column("id", ROW_NUMBER, primary_key=True),
            sa.Column("name", sa.String, nullable=False, unique=True),
            sa.Column(
                "group_id",
                ROW_NUMBER,
                sa.ForeignKey("dimension_group.id"),
                nullable=False,
            ),
            sa.Column("storage_class", sa.String, nullable=False),
            sa.Column("is_calibration", sa.Boolean, nullable=False),
        )

    def _collection_tables(self) -> None:
        meta = self.metadata
        self.collection = sa.Table(
            "collection",
            meta,
            sa.Column("id", ROW_NUMBER, primary_key=True),
            sa.Column("name", sa.String, nullable=False, unique=True),
            sa.Column("type", sa.SmallInteger, nullable=False),
            sa.Column("doc", sa.String, nullable=False),
        )
        self.collection_chain = sa.Table(
            "collection_chain",
            meta,
            sa.Column("parent", ROW_NUMBER, sa.ForeignKey("collection.id")),
            sa.Column("position", sa.Integer),
            sa.Column(
                "child",
                ROW_NUMBER,
                sa.ForeignKey("collection.id"),
                nullable=False,
                index=True,
            ),
            sa.PrimaryKeyConstraint("parent", "position"),
            **_NO_ROWID,
        )
        self.collection_type = sa.Table(
            "collection_type",
            meta,
            sa.Column(
                "collection_id", ROW_NUMBER, sa.ForeignKey("collection.id"), index=True
            ),
            sa.Column("dataset_type_id", ROW_NUMBER, sa.ForeignKey("dataset_type.id")),
            # The type first: searches ask which collections may hold a type.
            sa.PrimaryKeyConstraint("dataset_type_id", "collection_id"),
            **_NO_ROWID,
        )

    def _dataset_tables(self) -> None:
        # Neither these nor memberships refer to collections, types or datasets by a
        # foreign key, as each row would be checked. Who inserts makes sure of all of a
        # batch at once; who removes a collection or a type looks for what it holds.
        meta = self.metadata
        self.dataset = sa.Table(
            "dataset",
            meta,
            sa.Column("run_id", ROW_NUMBER),
            sa.Column("dataset_type_id", ROW_NUMBER),
            sa.Column("data_id", ROW_NUMBER),
            sa.Column("uuid", sa.LargeBinary(16), nullable=False),
            sa.Column("ingest_time", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint("run_id", "dataset_type_id", "data_id"),
            info={DIVIDED_BY: "data_id"},
            **_NO_ROWID,
        )
        # Where each dataset is. A table rather than an index, so that it is filled in
        # the order of its own key, whatever the order of the datasets is.
        self.dataset_uuid = sa.Table(
            "dataset_uuid",
            meta,
            sa.Column("uuid", sa.LargeBinary(16)),
            sa.Column("run_id", ROW_NUMBER, nullable=False),
            sa.Column("dataset_type_id", ROW_NUMBER, nullable=False),
            sa.Column("data_id", ROW_NUMBER, nullable=False),
            sa.PrimaryKeyConstraint("uuid"),
            info={DIVIDED_BY: "uuid"},
            **_NO_ROWID,
        )

    def _membership_tables(self) -> None:
        meta = self.metadata
        # The run too, so that the dataset is found by its primary key.
        self.membership = sa.Table(
            "membership",
            meta,
            sa.Column("collection_id", ROW_NUMBER),
            sa.Column("dataset_type_id", ROW_NUMBER),
            sa.Column("data_id", ROW_NUMBER),
            sa.Column("uuid", sa.LargeBinary(16), nullable=False),
            sa.Column("run_id", ROW_NUMBER, nullable=False),
            sa.PrimaryKeyConstraint("collection_id", "dataset_type_id", "data_id"),
            **_NO_ROWID,
        )
        self.calibration = sa.Table(
            "calibration",
            meta,
            sa.Column("collection_id", ROW_NUMBER),
            sa.Column("dataset_type_id", ROW_NUMBER),
            sa.Column("data_id", ROW_NUMBER),
            sa.Column("begin_ns", sa.BigInteger),
            sa.Column("end_ns", sa.BigInteger, nullable=False),
            sa.Column("uuid", sa.LargeBinary(16), nullable=False),
            sa.Column("run_id", ROW_NUMBER, nullable=False),
            sa.PrimaryKeyConstraint(
                "collection_id", "dataset_type_id", "data_id", "begin_ns"
            ),
            **_NO_ROWID,
        )

    def _trash_table(self) -> None:
        # Files whose records are gone, until somebody has removed them.
        self.trash = sa.Table(
            "trash",
            self.metadata,
            sa.Column("id", ROW_NUMBER, primary_key=True),
            sa.Column("datastore", sa.String, nullable=False),
            sa.Column("store", sa.String, nullable=False),
            sa.Column("path", sa.String, nullable=False, index=True),
        )

    def is_same_dataset(
        self, one: sa.FromClause, other: sa.FromClause
    ) -> sa.ColumnElement[bool]:
        """Return whether rows of two tables are of one dataset.

        By its numbers, with which it is found, and by its UUID: another dataset may
        have come to the same place.
        """
        names = *self.dataset.primary_key.columns.keys(), "uuid"
        return sa.and_(*(one.c[name] == other.c[name] for name in names))

    def _element_table(self, element: DimensionElement) -> sa.Table:
        columns = [
            sa.Column(column.name, column_type(column), nullable=column.nullable)
            for column in record_columns(element, self.universe)
        ]
        others = element.required[:-1] if element.is_dimension else element.required
        unique = [
            sa.UniqueConstraint(*others, key.name) for key in element.alternate_keys
        ]
        return sa.Table(
            element.name,
            self.metadata,
            *columns,
            sa.PrimaryKeyConstraint(*element.required),
            *unique,
            *self._foreign_keys(element.required, element.implied, element.name),
            **_NO_ROWID,
        )

    def _pixel_table(self, element: DimensionElement) -> sa.Table:
        # The registry alone fills it, together with the records, and pixels come
        # several to a record: no foreign keys, and the pixel first, as it is asked for.
        return sa.Table(
            f"{element.name}_pixel",
            self.metadata,
            sa.Column("pixel", sa.BigInteger),
            *self.dimension_columns(element.required),
            sa.PrimaryKeyConstraint("pixel", *element.required),
            **_NO_ROWID,
        )

    def dimension_columns(self, names: Iterable[str]) -> list[sa.Column[Any]]:
        """Return new columns for the values of dimensions."""
        return [
            sa.Column(
                name, column_type(self.universe[name].primary_key), nullable=False
            )
            for name in names
        ]

    def references(
        self, required: Sequence[str], implied: Sequence[str] = (), own: str = ""
    ) -> list[DimensionElement]:
        """Return the dimensions whose tables a row with these values must refer to.

        A dimension that another of the required ones refers to is left out: its own
        table has checked it.
        """
        elements = self.universe.elements
        names = [n for n in required if n != own and not elements[n].is_pixel]
        covered = {dep for n in names for dep in elements[n].required if dep != n}
        return [elements[n] for n in (*names, *implied) if n not in covered]

    def _foreign_keys(
        self, required: Sequence[str], implied: Sequence[str] = (), own: str = ""
    ) -> list[sa.ForeignKeyConstraint]:
        return [
            sa.ForeignKeyConstraint(
                element.required,
                [f"{element.name}.{column}" for column in element.required]
                if own
                else [self.elements[element.name].c[c] for c in element.required],
            )
            for element in self.references(required, implied, own)
        ]

    def data_id_table(self, group_id: int, group: DimensionGroup) -> sa.Table:
        """Return the table of the data IDs of one group of dimensions.

        A number whose group was registered in vain is given to another group: two
        tables of one name can come to be known, of which one exists.
        """
        place = group_id, group.required
        table = self._data_ids.get(place)
        if table is None:
            key = self._index_order(group.required)
            unique = [sa.UniqueConstraint(*key)] if key else []
            table = self._data_ids[place] = sa.Table(
                f"data_id_{group_id}",
                sa.MetaData(),
                sa.Column("id", ROW_NUMBER, primary_key=True),
                *self.dimension_columns(group.required),
                *unique,
                *self._foreign_keys(group.required),
            )
        return table

    def _index_order(self, names: Sequence[str]) -> list[str]:
        """Return dimensions in the order in which an index serves queries best.

        What tells most rows apart comes first (an exposure before a detector), so that
        a condition on it alone can use the index and new rows are appended; but a
        tract comes before its patches, and governors come last.
        """
        elements = self.universe.elements
        ordered: dict[str, None] = {}
        for name in reversed(names):
            for part in elements[name].required:
                if part in names and not elements[part].is_governor:
                    ordered[part] = None
        governors = [name for name in names if elements[name].is_governor]
        return [*ordered, *governors]

    def record_table(self, name: str) -> sa.Table:
        """Return the table of one datastore's records."""
        table_name = f"datastore_{name}"
        known = self.metadata.tables.get(table_name)
        if known is not None:
            return known
        return sa.Table(
            table_name,
            self.metadata,
            sa.Column(
                "dataset_id", sa.LargeBinary(16), sa.ForeignKey("dataset_uuid.uuid")
            ),
            sa.Column("store", sa.String),
            sa.Column("component", sa.String),
            sa.Column("path", sa.String, nullable=False, index=True),
            sa.Column("offset", sa.BigInteger),
            sa.Column("size_bytes", sa.BigInteger, nullable=False),
            sa.Column("checksum", sa.String),
            sa.Column("formatter", sa.String, nullable=False),
            sa.Column("storage_class", sa.String, nullable=False),
            sa.PrimaryKeyConstraint("dataset_id", "store", "component"),
            **_NO_ROWID,
        )
