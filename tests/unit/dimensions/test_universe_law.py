"""A universe is for good: what would break later is refused when it is read."""

from __future__ import annotations

import re

import pytest
import yaml

from pantler.dimensions.universe import Universe
from pantler.errors import SettingsError

GOOD = """\
namespace: fibres
version: 1
skypix:
  common: htm7
  systems:
    htm: {max_level: 10}
    healpix: {max_level: 8}
topology:
  spatial:
    pointings: [shot, plate]
  temporal:
    times: [shot, night]
elements:
  spectrograph:
    doc: An instrument.
    governor: true
    keys: [{name: name, type: string, length: 32}]
  night:
    doc: A night.
    requires: [spectrograph]
    keys: [{name: id, type: int}]
  grating:
    doc: A grating that spectrographs share.
    view_of: setup
    keys: [{name: name, type: string, length: 16}]
  setup:
    doc: How it was set up.
    requires: [spectrograph]
    implies: [grating]
    keys: [{name: name, type: string, length: 16}]
  plate:
    doc: A plate.
    requires: [spectrograph]
    keys:
      - {name: id, type: int}
      - {name: label, type: string, length: 32}
    metadata:
      - {name: holes, type: int, nullable: false}
      - {name: scale, type: float}
  shot:
    doc: An exposure.
    requires: [spectrograph]
    implies: [setup, night, plate]
    keys: [{name: id, type: int}]
    metadata: [{name: seeing, type: float}]
  cell:
    doc: A cell of the sky.
    requires: [healpix5]
    keys: [{name: id, type: int}]
  plate_night:
    doc: Which plate was used in which night.
    requires: [plate, night]
    always_join: true
    populated_by: plate
"""


def edited(*edits):
    text = GOOD
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def problems(*edits):
    """Return what is said of an edited universe."""
    with pytest.raises(SettingsError) as caught:
        Universe.from_yaml(edited(*edits))
    return str(caught.value)


def test_a_universe_that_holds_together_is_taken():
    universe = Universe.from_yaml(GOOD)
    assert universe.group(["shot"]).implied == ("night", "grating", "setup", "plate")
    assert universe["cell"].required == ("healpix5", "cell")
    assert Universe.from_yaml(universe.to_yaml()) == universe


def test_the_packaged_universe_obeys():
    default = Universe.default()
    assert Universe.from_yaml(default.to_yaml()) == default


# Each with the line of what is wrong; `line()` below looks it up.
BROKEN = {
    # what is unknown, missing or of the wrong type
    "unknown key": (("namespace:", "colour: red\nnamespace:"), "'colour' is not known"),
    "unknown key of skypix": (("  common:", "  comon: 1\n  common:"), "Did you mean"),
    "unknown key of a system": (
        ("htm: {max_level", "htm: {maxlevel: 3, max_level"),
        "'maxlevel' is not known here. Did you mean 'max_level'?",
    ),
    "unknown key of topology": (("  spatial:", "  spacial:"), "Did you mean 'spatial'"),
    "unknown key of an element": (
        ("    always_join:", "    allways_join:"),
        "'plate_night': 'allways_join' is not known here. Did you mean 'always_join'?",
    ),
    "unknown key of a column": (
        ("{name: label, type", "{name: label, lenght: 3, type"),
        "'plate': 'lenght' is not known here. Did you mean 'length'?",
    ),
    "missing key": (("version: 1\n", ""), "'version' is missing"),
    "missing doc": (("    doc: A plate.\n", ""), "'plate': 'doc' is missing"),
    "empty doc": (("doc: A plate.", "doc: ' '"), "'plate' needs a doc"),
    "null element": (
        (
            "    doc: A night.\n    requires: [spectrograph]\n    keys: [{name: id, "
            "type: int}]\n",
            "",
        ),
        "'night': here is a mapping, not None",
    ),
    "version as text": (("version: 1", "version: '1'"), "takes a whole number"),
    "version as a truth value": (("version: 1", "version: true"), "a whole number"),
    "version as a float": (("version: 1", "version: 1.0"), "a whole number"),
    "version 0": (("version: 1", "version: 0"), "from 1, not 0"),
    "truth value as text": (
        ("always_join: true", "always_join: 'yes'"),
        "takes true or false",
    ),
    "truth value as a number": (("governor: true", "governor: 1"), "true or false"),
    "length as text": (("length: 32}]\n  n", "length: '32'}]\n  n"), "whole number"),
    "list as text": (
        ("requires: [healpix5]", "requires: healpix5"),
        "'requires' takes a list",
    ),
    "unknown type": (
        ("{name: holes, type: int", "{name: holes, type: integer"),
        "no type 'integer', only string, int, .* Did you mean 'int'",
    ),
    "namespace": (("namespace: fibres", "namespace: Fibres 1"), "cannot be a names"),
    "namespace that is taken": (
        ("namespace: fibres", "namespace: pantler"),
        "choose one of your own",
    ),
    # sky pixels
    "unknown system": (
        ("    healpix:", "    healpx:"),
        "no sky pixels 'healpx'.*mean 'healpix'",
    ),
    "level": (("max_level: 10", "max_level: 25"), "levels 0 to 24, not 25"),
    "negative level": (("max_level: 8", "max_level: -1"), "levels 0 to 29, not -1"),
    "common": (("common: htm7", "common: htm11"), "'htm11' are no level of htm or"),
    "common with a typo": (("common: htm7", "common: hmt7"), "Did you mean 'htm7'"),
    "common that is too fine": (
        (
            "common: htm7\n  systems:\n    htm: {max_level: 10}",
            "common: htm14\n  systems:\n    htm: {max_level: 14}",
        ),
        "too fine to index regions",
    ),
    # names of elements
    "dataset": (("  cell:", "  dataset:"), "it is a table that every"),
    "uuid": (("  cell:", "  uuid:"), "No element can be called 'uuid'"),
    "run_id": (("  cell:", "  run_id:"), "No element can be called 'run_id'"),
    "collection": (("  cell:", "  collection:"), "a table that every"),
    "run": (("  cell:", "  run:"), "a field of datasets"),
    "data_id": (("  cell:", "  data_id:"), "a parameter of calls"),
    "table of data IDs": (("  cell:", "  data_id_3:"), "the tables of data IDs"),
    "table of a datastore": (("  cell:", "  datastore_file:"), "tables of datastores"),
    "table of SQLite": (("  cell:", "  sqlite_cell:"), "SQLite's own"),
    "timespan": (("  cell:", "  timespan:"), "No element can be called"),
    "region": (("  cell:", "  region:"), "No element can be called"),
    "id": (("  cell:", "  id:"), "No element can be called 'id'"),
    "pixel": (("  cell:", "  pixel:"), "No element can be called 'pixel'"),
    "reserved in capitals": (("  cell:", "  Dataset:"), "a table that every"),
    "query word": (("  cell:", "  overlaps:"), "a word of query expressions"),
    "function": (("  cell:", "  circle:"), "a word of query expressions"),
    "parameter": (("  cell:", "  where:"), "a parameter of calls"),
    "word of Python": (("  cell:", "  class:"), "a word of Python"),
    "column of PostgreSQL": (("  cell:", "  xmin:"), "databases add"),
    "sky pixels": (("  cell:", "  htm3:"), "a level of sky pixels"),
    "sky pixels that are not there": (("  cell:", "  htm23:"), "a level of sky pixels"),
    "hyphen": (
        ("  cell:", "  spec-channel:"),
        "'spec-channel'.*lower-case letters.*Try 'spec_channel'",
    ),
    "capitals": (("  cell:", "  Cell:"), "Try 'cell'"),
    "digit": (("  cell:", "  2cell:"), "beginning with a letter"),
    "underscore": (("  cell:", "  _cell:"), "Try 'cell'"),
    "not ASCII": (("  cell:", "  zelleß:"), r"\(a to z\)"),
    "space": (("  cell:", "  my cell:"), "Try 'my_cell'"),
    "empty name": (("  cell:", "  '':"), "beginning with a letter"),
    "number": (("  cell:", "  12:"), r"12 \(int\) is not text"),
    "fraction": (("  cell:", "  1.5:"), r"1.5 \(float\) is not text"),
    "truth value": (("  cell:", "  yes:"), r"True \(bool\) is not text"),
    "null": (("  cell:", "  ~:"), r"None \(NoneType\) is not text"),
    "long name": (("  cell:", f"  {'c' * 58}:"), "58 bytes; 57 are allowed"),
    "name of a table of pixels": (("  cell:", "  shot_pixel:"), "both need the table"),
    "case": (("  cell:", "  Plate:"), "differ only by the case"),
    # columns
    "hyphen in a column": (("name: seeing", "name: see-ing"), "Try 'see_ing'"),
    "reserved column": (("name: seeing", "name: region"), "made by the topology"),
    "reserved bound": (("name: seeing", "name: Timespan_Begin"), "by the topology"),
    "column as a field of datasets": (("name: seeing", "name: run"), "field of data"),
    "column as a query word": (("name: seeing", "name: in"), "word of query"),
    "column as its element": (("name: seeing", "name: shot"), "value stands in the"),
    "column as a dimension": (("name: seeing", "name: plate"), "value stands in the"),
    "primary key as a dimension": (
        (
            "{name: id, type: int}\n      - {name: label",
            "{name: spectrograph, type: int}\n      - {name: label",
        ),
        "value stands in the same",
    ),
    "column as a number": (("name: seeing", "name: 3"), "'name' takes text, not 3"),
    "long column": (("name: seeing", f"name: {'c' * 64}"), "64 bytes; 63 are"),
    "duplicate alternate key": (
        ("name: label", "name: id"),
        "two columns of one name: 'id'",
    ),
    "metadata as a key": (("name: holes", "name: label"), "two columns of one name"),
    "columns by case": (("name: scale", "name: Holes"), "'Holes' and 'holes'"),
    "key that is a float": (
        ("- {name: id, type: int}", "- {name: id, type: float}"),
        "'id' is of type float; keys are whole numbers",
    ),
    "key that is a truth value": (
        ("- {name: id, type: int}", "- {name: id, type: bool}"),
        "of type bool",
    ),
    "key that is a region": (
        ("- {name: id, type: int}", "- {name: id, type: region}"),
        "of type region",
    ),
    "key that is a hash": (
        ("- {name: id, type: int}", "- {name: id, type: hash}"),
        "of type hash",
    ),
    "alternate key that is a float": (
        ("name: label, type: string, length: 32", "name: label, type: float"),
        "'label' is of type float",
    ),
    "key without length": (
        ("name: label, type: string, length: 32", "name: label, type: string"),
        "'label' is text and needs a length",
    ),
    "key that may be null": (
        ("name: label,", "name: label, nullable: true,"),
        "cannot be null",
    ),
    "negative length": (
        (
            "name: label, type: string, length: 32",
            "name: label, type: string, length: -1",
        ),
        "cannot be negative",
    ),
    "length of an integer": (
        ("name: holes,", "name: holes, length: 4,"),
        "type int, which has no length",
    ),
    "length beyond all": (
        (
            "name: label, type: string, length: 32",
            "name: label, type: string, length: 99999999",
        ),
        "10,000,000 are allowed",
    ),
    "key beyond an index": (
        (
            "name: name, type: string, length: 32",
            "name: name, type: string, length: 700",
        ),
        "can take 2,8.* bytes",
    ),
    # relations
    "requires with a typo": (
        ("requires: [plate, night]", "requires: [plate, nigth]"),
        "'nigth', which is not defined. Did you mean 'night'",
    ),
    "implies with a typo": (
        ("implies: [setup, night, plate]", "implies: [setp, night, plate]"),
        "'setp', which is not defined. Did you mean 'setup'",
    ),
    "requires itself": (("requires: [healpix5]", "requires: [cell]"), "itself"),
    "requires twice": (
        ("requires: [plate, night]", "requires: [plate, night, plate]"),
        "'plate' twice",
    ),
    "requires and implies": (
        ("implies: [setup, night, plate]", "implies: [setup, night, spectrograph]"),
        "which it also requires",
    ),
    "requires a relation": (
        ("requires: [healpix5]", "requires: [plate_night]"),
        "which has no key",
    ),
    "implies a relation": (
        ("implies: [setup, night, plate]", "implies: [setup, night, plate_night]"),
        "which has no key",
    ),
    "implies sky pixels": (
        ("implies: [setup, night, plate]", "implies: [setup, night, htm5]"),
        "implies the sky pixels 'htm5'",
    ),
    "sky pixels that are too fine": (
        ("requires: [healpix5]", "requires: [healpix9]"),
        "not defined",
    ),
    "implies what lacks its key": (
        (
            "  shot:\n    doc: An exposure.\n    requires: [spectrograph]",
            "  shot:\n    doc: An exposure.\n    requires: [htm1]",
        ),
        "'shot' must require that too",
    ),
    "cycle": (
        (
            "  night:\n    doc: A night.\n    requires: [spectrograph]",
            "  night:\n    doc: A night.\n    requires: [spectrograph, shot]",
        ),
        "in a cycle: night → shot → night",
    ),
    "relation that implies": (
        ("    requires: [plate, night]", "    requires: [night]\n    implies: [plate]"),
        "relates dimensions: it implies none",
    ),
    "neither": (("    requires: [plate, night]\n", ""), "has neither keys"),
    "dimension that is joined": (
        ("    doc: A plate.", "    doc: A plate.\n    always_join: true"),
        "can be always joined",
    ),
    "governor with more": (
        ("    doc: A plate.", "    doc: A plate.\n    governor: true"),
        "'plate' is a governor, which depends on nothing, and has 'requires'",
    ),
    "populated_by with a typo": (
        ("populated_by: plate", "populated_by: plte"),
        "Did you mean 'plate'",
    ),
    "populated_by a stranger": (
        ("populated_by: plate", "populated_by: shot"),
        "does not require; it requires 'night', 'plate', 'spectrograph'",
    ),
    "populated_by itself": (
        ("populated_by: plate", "populated_by: plate_night"),
        "it does not require",
    ),
    # views
    "view_of with a typo": (("view_of: setup", "view_of: setpu"), "mean 'setup'"),
    "view_of what does not imply it": (
        ("view_of: setup", "view_of: plate"),
        "Add 'grating' to 'implies' there",
    ),
    "view with metadata": (
        ("view_of: setup", "view_of: setup\n    metadata: [{name: x, type: int}]"),
        "take its metadata away",
    ),
    "view that requires": (
        ("view_of: setup", "view_of: setup\n    requires: [spectrograph]"),
        "take its requires away",
    ),
    "view with two keys": (
        (
            "view_of: setup\n    keys: [",
            "view_of: setup\n    keys: [{name: a, type: int}, ",
        ),
        "take its alternate keys away",
    ),
    "view that governs": (
        ("view_of: setup", "view_of: setup\n    governor: true"),
        "has 'view_of'",
    ),
    # topology
    "member with a typo": (
        ("pointings: [shot, plate]", "pointings: [shto, plate]"),
        "spatial family 'pointings' has 'shto', which is not defined. Did you mean "
        "'shot'",
    ),
    "member of time with a typo": (
        ("times: [shot, night]", "times: [shot, nigh]"),
        "Did you mean 'night'",
    ),
    "member of two families": (
        ("    pointings: [shot, plate]", "    pointings: [shot]\n    b: [plate, shot]"),
        "'shot' is a member of 'pointings' and again of 'b'",
    ),
    "member twice": (
        ("pointings: [shot, plate]", "pointings: [shot, shot]"),
        "again of 'pointings'",
    ),
    "empty family": (("times: [shot, night]", "times: []"), "has no members"),
    "coarse before fine": (
        ("pointings: [shot, plate]", "pointings: [plate, shot]"),
        "has 'plate' before 'shot', which needs it",
    ),
    "member that is sky pixels": (
        ("pointings: [shot, plate]", "pointings: [shot, htm5]"),
        "known anyway",
    ),
    "member that is a view": (
        ("times: [shot, night]", "times: [shot, night]\n    more: [grating]"),
        "which is a view",
    ),
    "family as a number": (("times: [shot", "3: [shot"), "names no family"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_a_rule_is_refused(name):
    edit, said = BROKEN[name]
    told = problems(edit)
    assert re.search(said, told, re.DOTALL), told
    assert "line " in told
    assert "Traceback" not in told
    assert "pydantic" not in told


@pytest.mark.parametrize(
    ("edit", "marked"),
    [
        (("name: holes", "name: in"), "name: in"),
        (("pointings: [shot, plate]", "pointings: [shto]"), "pointings:"),
        (("    always_join:", "    allways_join:"), "allways_join"),
        (("  cell:", "  12:"), "  12:"),
        (("populated_by: plate", "populated_by: plte"), "plte"),
        (("common: htm7", "common: htm11"), "common"),
    ],
)
def test_a_problem_has_its_line(edit, marked):
    lines = edited(edit).splitlines()
    number = next(i for i, line in enumerate(lines, 1) if marked in line)
    assert f"line {number}: " in problems(edit)


def test_all_problems_are_told_at_once_in_the_order_of_the_text():
    told = problems(
        ("version: 1", "version: none"),
        ("common: htm7", "common: hmt7"),
        ("pointings: [shot, plate]", "pointings: [shto, plate]"),
        ("name: holes", "name: run"),
        ("  cell:", "  dataset:"),
        ("populated_by: plate", "populated_bye: plate"),
    )
    assert told.startswith("The universe has 6 problems:\n")
    lines = [int(n) for n in re.findall(r"^  - line (\d+): ", told, re.MULTILINE)]
    assert len(lines) == 6
    assert lines == sorted(lines)


def test_the_file_is_named():
    with pytest.raises(SettingsError, match=r"^'u.yaml', line 2: "):
        Universe.from_yaml(edited(("version: 1", "version: -1")), "'u.yaml'")


@pytest.mark.parametrize("text", ["", "[]", "3", "elements", "elements: 3", "{}"])
def test_what_is_no_universe_at_all_is_refused(text):
    with pytest.raises(SettingsError, match=r"mapping|missing"):
        Universe.from_yaml(text)


@pytest.mark.parametrize("part", ["skypix", "topology", "elements"])
@pytest.mark.parametrize("value", ["3", "[]", "null", "[[1]]", "{1: 2}", "'x'"])
def test_a_part_of_any_form_gets_an_answer(part, value):
    data = {**yaml.safe_load(GOOD), part: yaml.safe_load(value)}
    with pytest.raises(SettingsError, match="line "):
        Universe.from_yaml(yaml.safe_dump(data))


def test_what_was_stored_is_read_though_rules_have_become_stricter():
    text = edited(("  cell:", "  dataset:"))
    assert "dataset" in Universe.restored(text)
