"""Types that the settings of a repository define."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from pantler import Butler, DatasetType
from pantler.config.settings import RepositorySettings
from pantler.datasets.storage_class import get_storage_class
from pantler.datastores.file import FileDatastore
from pantler.datastores.settings import FileDatastoreSettings
from pantler.errors import IntegrityError, InvalidInputError
from pantler.testing.datastores import make_ref


class Curve:
    """Writes and reads itself, if the name of the file is right."""

    def __init__(self, values):
        self.values = values

    def write(self, path):
        assert path.endswith(".curve")
        if self.values is None:
            return
        Path(path).write_text(" ".join(map(str, self.values)))

    @classmethod
    def read(cls, path, scale=1):
        assert path.endswith(".curve")
        return cls([int(word) * scale for word in Path(path).read_text().split()])

    @classmethod
    def wrong(cls, path):
        return path

    @staticmethod
    def of_list(values):
        return Curve(values)


@dataclass
class Point:
    """By its fields."""

    x: float
    name: str


of_list = Curve.of_list
NAME = "own_types_for_test"
YAML = f"""
datastore:
  storage_classes:
    OwnCurve:
      type: {NAME}.Curve
      components: {{values: StructuredList}}
      parameters: [scale]
      converters: {{builtins.list: {NAME}.of_list}}
    OwnPoint: {{type: {NAME}.Point, formatter: model_json}}
  recipes:
    OwnCurve: {{extension: .curve}}
"""


@pytest.fixture(autouse=True)
def module(monkeypatch):
    monkeypatch.setitem(sys.modules, NAME, sys.modules[__name__])


def test_types_of_a_repository_are_put_and_got_by_every_process(tmp_path):
    Butler.create(tmp_path / "r", settings=RepositorySettings.from_yaml(YAML))
    butler = Butler.open(tmp_path / "r", run="run", writeable=True)
    none = butler.universe.group(())
    for name in ("OwnCurve", "OwnPoint"):
        butler.dataset_types.register(DatasetType(name.lower(), none, name))
    butler.put(Curve([1, 2]), "owncurve")
    butler.put(Point(1.5, "a"), "ownpoint")
    assert butler.get("ownpoint") == Point(1.5, "a")
    assert butler.get("owncurve").values == [1, 2]
    assert butler.get("owncurve.values") == [1, 2]
    assert butler.get("owncurve", scale=3).values == [3, 6]
    butler.put([5], "owncurve", run="other")
    assert butler.get("owncurve", collections="other").values == [5]
    assert butler.uri(butler.find_dataset("owncurve")).endswith(".curve")


def make_datastore(tmp_path, **recipe):
    text = YAML.replace("{extension: .curve}", str({"extension": ".curve", **recipe}))
    section = RepositorySettings.from_yaml(text).datastore
    return FileDatastore(section, str(tmp_path))


def test_methods_that_fail_are_told(tmp_path):
    ref = make_ref("c", storage_class="OwnCurve")
    datastore = make_datastore(tmp_path)
    (record,) = datastore.write(Curve([1]), ref)
    with pytest.raises(InvalidInputError, match=r"Curve.write wrote no file"):
        datastore.write(Curve(None), ref)
    with pytest.raises(InvalidInputError, match=r"Curve.write failed: TypeError"):
        datastore.write(Curve(5), ref)
    path = Path(datastore.uri(record).removeprefix("file://"))
    path.write_text("x")
    with pytest.raises(IntegrityError, match=r"Curve.read failed: ValueError"):
        datastore.read(ref, [record])
    with pytest.raises(
        InvalidInputError, match=r"has no method 'save'.*recipes: {OwnC"
    ):
        make_datastore(tmp_path, write="save").write(Curve([1]), ref)
    other = make_datastore(tmp_path, read="wrong")
    with pytest.raises(IntegrityError, match=r"Curve.wrong returned a str"):
        other.read(ref, other.write(Curve([1]), ref))


def test_names_mean_one_thing_in_a_process(tmp_path):
    make_datastore(tmp_path)
    for name, words in (("OwnCurve", "otherwise than"), ("Table", "is installed")):
        settings = FileDatastoreSettings(
            storage_classes={name: {"type": f"{NAME}.Point"}}
        )
        with pytest.raises(InvalidInputError, match=words):
            FileDatastore(settings, str(tmp_path))
    assert get_storage_class("OwnCurve").python_type == f"{NAME}.Curve"
