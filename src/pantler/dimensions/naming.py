"""What the elements and columns of a universe may be called, and how long they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pantler.dimensions.reserved import (
    meaning_of_column,
    meaning_of_element,
    pixel_table,
)
from pantler.dimensions.sky import pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.dimensions.definition import ColumnDefinition, ElementDefinition
    from pantler.dimensions.draft import Draft

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_NAMESPACE: Final = re.compile(r"[a-z][a-z0-9_.-]*")
_PIXELS: Final = re.compile(rf"({'|'.join(pixels.MAX_LEVEL)})\d+")

MOST_BYTES: Final = 63
"""Longer names are cut short by PostgreSQL."""

MOST_INDEXED_BYTES: Final = 2600
"""What fits into a row of an index of PostgreSQL, with its overhead."""

MOST_COLUMNS: Final = 500
"""PostgreSQL allows 1,600 in a table, and SQLite 2,000 in a result."""

MOST_LENGTH: Final = 10_000_000
"""PostgreSQL allows a little more."""

_MOST_NAMESPACE: Final = 64
_BYTES_OF_INT: Final = 8
_BYTES_OF_CHARACTER: Final = 4
_KEY_TYPES: Final = ("int", "string")
_SIZED: Final = ("string", "hash")


def check_header(draft: Draft) -> None:
    """Note what is wrong with the namespace and the version."""
    data = draft.document.data
    namespace, version = data.get("namespace"), data.get("version")
    if isinstance(namespace, str) and not (
        _NAMESPACE.fullmatch(namespace) and len(namespace) <= _MOST_NAMESPACE
    ):
        draft.add(
            f"'{namespace}' cannot be a namespace: use up to {_MOST_NAMESPACE} "
            "lower-case letters, digits, dots, hyphens and underscores, beginning "
            "with a letter.",
            "namespace",
        )
    if type(version) is int and not 0 < version < 2**31:
        draft.add(f"A version is a whole number from 1, not {version}.", "version")


def check_names(draft: Draft) -> None:
    """Note names of elements that are taken, too long, or no names."""
    most = MOST_BYTES - len(pixel_table(""))
    tables: dict[str, str] = {}
    for name in draft.names:
        path = ("elements", name)
        meaning = meaning_of_element(name)
        if meaning is not None:
            draft.add(f"No element can be called '{name}': it is {meaning}.", *path)
        elif _PIXELS.fullmatch(name.casefold()):
            draft.add(
                f"No element can be called '{name}': that is a level of sky pixels.",
                *path,
            )
        elif not _NAME.fullmatch(name):
            draft.add(f"No element can be called '{name}': {_advice(name)}", *path)
        if len(name.encode()) > most:
            draft.add(
                f"The name '{name}' has {len(name.encode())} bytes; {most} are "
                "allowed, as tables are named for it.",
                *path,
            )
        for table in _tables(name):
            other = tables.setdefault(table, name)
            if other != name and name.casefold() == other.casefold():
                draft.add(
                    f"'{name}' and '{other}' differ only by the case of letters, "
                    "which databases do not tell apart.",
                    *path,
                )
            elif other != name:
                draft.add(
                    f"'{name}' and '{other}' both need the table '{table}'.", *path
                )


def check_columns(draft: Draft) -> None:
    """Note what is wrong with keys and metadata, each by itself."""
    for name, element in draft.elements.items():
        seen: dict[str, str] = {}
        for part, position, column in _columns(element):
            path = ("elements", name, part, position)
            other = seen.setdefault(column.name.casefold(), column.name)
            if other is not column.name:
                told = "" if other == column.name else f" and '{other}'"
                draft.add(
                    f"'{name}' has two columns of one name: '{column.name}'{told}.",
                    *path,
                )
            for problem in (*_name_problems(column), *_length_problems(column)):
                draft.add(f"'{name}': {problem}", *path)
            if part == "keys":
                for problem in _key_problems(column, is_first=position == 0):
                    draft.add(f"'{name}': {problem}", *path)
        if len(seen) > MOST_COLUMNS:
            draft.add(
                f"'{name}' has {len(seen)} columns; {MOST_COLUMNS} are allowed.",
                *("elements", name),
            )
        if not element.doc.strip():
            draft.add(f"'{name}' needs a doc: what it is.", "elements", name, "doc")


def check_key_lengths(draft: Draft, closures: dict[str, frozenset[str]]) -> None:
    """Note keys that no index of a database can hold."""
    for name in draft.elements:
        keys = [
            draft.elements[other].keys[0]
            for other in closures[name]
            if other in draft.elements and draft.elements[other].keys
        ]
        size = sum(
            key.length * _BYTES_OF_CHARACTER if key.type == "string" else _BYTES_OF_INT
            for key in keys
        )
        if size > MOST_INDEXED_BYTES:
            draft.add(
                f"The key of '{name}', with all that it requires, can take "
                f"{size:,} bytes; {MOST_INDEXED_BYTES:,} are allowed. Make texts "
                "shorter.",
                *("elements", name),
            )


def _columns(
    element: ElementDefinition,
) -> Iterator[tuple[str, int, ColumnDefinition]]:
    for position, column in enumerate(element.keys):
        yield "keys", position, column
    for position, column in enumerate(element.metadata):
        yield "metadata", position, column


def _name_problems(column: ColumnDefinition) -> Iterator[str]:
    name = column.name
    meaning = meaning_of_column(name)
    if meaning is not None:
        yield f"no column can be called '{name}': it is {meaning}."
    elif not _NAME.fullmatch(name):
        yield f"no column can be called '{name}': {_advice(name)}"
    if len(name.encode()) > MOST_BYTES:
        yield (
            f"the name '{name}' has {len(name.encode())} bytes; {MOST_BYTES} are "
            "allowed."
        )


def _length_problems(column: ColumnDefinition) -> Iterator[str]:
    if column.length < 0:
        yield f"'{column.name}' has the length {column.length}; it cannot be negative."
    elif column.length > MOST_LENGTH:
        yield (
            f"'{column.name}' has the length {column.length:,}; {MOST_LENGTH:,} are "
            "allowed, and 0 is no bound."
        )
    elif column.length and column.type not in _SIZED:
        yield f"'{column.name}' is of type {column.type}, which has no length."


def _key_problems(column: ColumnDefinition, *, is_first: bool) -> Iterator[str]:
    if column.type not in _KEY_TYPES:
        yield (
            f"the key '{column.name}' is of type {column.type}; keys are whole "
            "numbers (int) or text (string), which mean the same on every machine."
        )
    if column.type == "string" and not column.length:
        yield f"the key '{column.name}' is text and needs a length: how long it may be."
    if "nullable" in column.model_fields_set and column.nullable:
        which = "values of data IDs" if is_first else "alternate keys"
        yield f"the key '{column.name}' cannot be null: {which} are always there."


def _advice(name: str) -> str:
    """Say what a name is made of, and suggest one."""
    plain = re.sub(r"[^a-z0-9_]+", "_", name.casefold()).strip("_")
    better = plain if _NAME.fullmatch(plain) else ""
    hint = f" Try '{better}'." if better and better != name else ""
    return (
        "use lower-case letters (a to z), digits and underscores, beginning with a "
        f"letter.{hint}"
    )


def _tables(name: str) -> tuple[str, str]:
    """Return the names of tables that an element has, or may come to have."""
    table = name.casefold()
    return table, pixel_table(table)
