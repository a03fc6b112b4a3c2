"""Names that a universe cannot give, each with what it means already.

What stands in a data ID also stands in calls (``butler.get("raw", plate=3)``), in
tables and frames beside columns of other meanings, in query expressions, in path
templates and in YAML. A test compares these names with those rooms, and fails when
one of them takes a name that is not here.
"""

from __future__ import annotations

import keyword
from typing import Final

_TABLES: Final = (
    *("attribute", "catalog", "catalog_journal", "dimension_group", "dataset_type"),
    *("collection", "collection_chain", "collection_type", "collection_summary"),
    *(
        "dataset",
        "dataset_uuid",
        "membership",
        "calibration",
        "trash",
        "alembic_version",
    ),
)
_BESIDE: Final = (  # columns of tables and frames that also have dimensions
    *("id", "data_id", "dataset_id", "uuid", "pixel", "path", "store", "uri"),
    *("region", "timespan", "timespan_begin", "timespan_end", "begin_ns", "end_ns"),
    *("run_id", "dataset_type_id", "collection_id", "rank", "position"),
)
_CALLS: Final = (  # parameters of calls that take the rest of a data ID by keyword
    *("self", "value", "dataset", "datasets", "data_id", "dimensions", "element"),
    *("collections", "component", "run", "timespan", "where", "bind", "find_first"),
    *("order_by", "limit", "offset", "name", "defaults", "settings", "uri"),
    *("predicate", "predicates", "condition", "conditions", "expression"),
    *("dataset_id", "storage_class", "parameters"),
)
DATASET_FIELDS: Final = (
    *("run", "dataset_id", "ingest_time", "ingest_date", "collection", "timespan"),
    *("size", "size_bytes"),
)
QUERY_KEYWORDS: Final = (
    *("and", "or", "not", "in", "is", "overlaps", "between", "like", "escape"),
    *("null", "true", "false", "any", "all", "exists", "as", "asc", "desc"),
)
QUERY_FUNCTIONS: Final = (
    *("point", "circle", "box", "polygon", "region", "uuid", "glob"),
    *("count", "min", "max", "sum", "mean"),
)
_SYSTEM_COLUMNS: Final = (
    *("rowid", "oid", "_rowid_"),  # SQLite
    *("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"),  # PostgreSQL
)
_YAML_WORDS: Final = ("y", "n", "yes", "no", "on", "off", "null", "true", "false")
_TEMPLATES: Final = ("run", "dataset_type", "id")

# The first meaning that is found is told.
_OF_ELEMENTS: Final = (
    (_TABLES, "a table that every repository has"),
    (DATASET_FIELDS, "a field of datasets"),
    (QUERY_KEYWORDS + QUERY_FUNCTIONS, "a word of query expressions"),
    (_CALLS, "a parameter of calls that take data IDs"),
    (_BESIDE, "a column that stands beside dimensions"),
    (_TEMPLATES, "a field of path templates"),
    (_SYSTEM_COLUMNS, "a column that databases add to their tables"),
    (_YAML_WORDS, "no text to a YAML reader"),
    (tuple(word.lower() for word in keyword.kwlist), "a word of Python's own"),
)
_OF_COLUMNS: Final = (
    (DATASET_FIELDS, "a field of datasets"),
    (("region", "timespan", "timespan_begin", "timespan_end"), "made by the topology"),
    (QUERY_KEYWORDS, "a word of query expressions"),
    (_SYSTEM_COLUMNS, "a column that databases add to their tables"),
    (_YAML_WORDS, "no text to a YAML reader"),
)
_PREFIXES: Final = {
    "data_id_": "the tables of data IDs",
    "datastore_": "the tables of datastores",
    "sqlite_": "SQLite's own tables",
    "pg_": "PostgreSQL's own tables",
    "stage_": "temporary tables",
}
_PIXEL_TABLE: Final = "_pixel"


def pixel_table(element: str) -> str:
    """Return the name of the table of the pixels that an element's regions touch."""
    return f"{element}{_PIXEL_TABLE}"


def meaning_of_element(name: str) -> str | None:
    """Return what a name of an element means already, in any letter case, or None."""
    word = name.casefold()
    for prefix, owner in _PREFIXES.items():
        if word.startswith(prefix):
            return f"how {owner} are called"
    return _meaning(word, _OF_ELEMENTS)


def meaning_of_column(name: str) -> str | None:
    """Return what a name of a record column means already, or None."""
    return _meaning(name.casefold(), _OF_COLUMNS)


def _meaning(word: str, groups: tuple[tuple[tuple[str, ...], str], ...]) -> str | None:
    return next((meaning for words, meaning in groups if word in words), None)
