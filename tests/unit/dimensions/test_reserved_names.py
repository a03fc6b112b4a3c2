"""The names that universes cannot give are those that other rooms use."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest
import yaml

import pantler
from pantler.dimensions.reserved import meaning_of_column, meaning_of_element
from pantler.dimensions.universe import Universe
from pantler.queries import functions, names
from pantler.queries.lexer import KEYWORDS
from pantler.registry.sql.schema import Schema

SOURCE = Path(pantler.__file__).parent
UNIVERSE = Universe.default()
SCHEMA = Schema(UNIVERSE)
OWN_TABLES = [
    table.name
    for table in SCHEMA.fixed
    if table.name not in SCHEMA.elements
    and table.name not in {pixels.name for pixels in SCHEMA.pixels.values()}
]


def test_no_element_is_called_like_a_table():
    assert OWN_TABLES
    for name in OWN_TABLES:
        assert meaning_of_element(name), name
    group = UNIVERSE.group(["visit"])
    assert meaning_of_element(SCHEMA.data_id_table(7, group).name)
    assert meaning_of_element(SCHEMA.record_table("file").name)


def test_no_element_is_called_like_a_column_beside_dimensions():
    group = UNIVERSE.group(["visit"])
    tables = [SCHEMA.data_id_table(7, group), *SCHEMA.pixels.values()]
    columns = {column.name for table in tables for column in table.c}
    for name in columns - UNIVERSE.elements.keys():
        assert meaning_of_element(name), name


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_no_element_and_no_column_is_a_keyword_of_queries(word):
    assert meaning_of_element(word.lower())
    assert meaning_of_column(word.title())


def test_no_element_is_a_function_of_queries():
    for name in (*functions._SHAPES, "REGION", "UUID", "GLOB"):
        assert meaning_of_element(name), name


def test_nothing_is_called_like_a_field_of_datasets():
    for name in {field.partition(".")[0] for field in names._DATASET_FIELDS}:
        assert meaning_of_element(name), name
        assert meaning_of_column(name), name


def _parameters_beside_data_ids():
    """Return the names of parameters of calls that take ``**keys`` of a data ID."""
    found = set()
    for room in ("butler", "queries", "registry", "datasets", "tasks"):
        for file in sorted((SOURCE / room).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if not isinstance(node, ast.FunctionDef):
                    continue
                arguments = node.args
                if arguments.kwarg is None or arguments.kwarg.arg != "keys":
                    continue
                by_name = [*arguments.args, *arguments.kwonlyargs]
                found.update(argument.arg for argument in by_name)
    return found - {"self", "cls"}


def test_no_element_is_called_like_a_parameter_beside_data_ids():
    found = _parameters_beside_data_ids()
    assert {"collections", "where", "component"} <= found
    for name in found:
        assert meaning_of_element(name), name


@pytest.mark.parametrize("word", ["yes", "No", "on", "off", "true", "null", "y"])
def test_no_name_is_something_else_to_yaml(word):
    assert meaning_of_element(word)
    assert meaning_of_column(word)


def test_every_single_letter_can_be_said_in_yaml():
    for letter in string.ascii_lowercase:
        if meaning_of_element(letter) is None:
            assert yaml.safe_load(f"{letter}: 1") == {letter: 1}


def test_the_packaged_universe_uses_none_of_them():
    for element in UNIVERSE.elements.values():
        assert meaning_of_element(element.name) is None
        for column in (*element.keys, *element.metadata):
            assert meaning_of_column(column.name) is None
