"""Figures are drawn; pickle serves those who ask for it by name."""

from __future__ import annotations

import sys
from fractions import Fraction

import pytest
from matplotlib.figure import Figure
from PIL import Image

from pantler.datasets.storage_class import get_storage_class
from pantler.datastores.file import FileDatastore
from pantler.datastores.settings import FileDatastoreSettings
from pantler.errors import (
    IntegrityError,
    InvalidInputError,
    PluginError,
    SettingsError,
)
from pantler.formatters.figure import (
    FigurePdfFormatter,
    FigurePngFormatter,
    FigureSvgFormatter,
)
from pantler.formatters.messagepack import MsgpackFormatter
from pantler.testing.datastores import make_ref

FIGURE = get_storage_class("Figure")


def draw():
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([1, 2, 3])
    return figure


@pytest.mark.parametrize(
    ("formatter", "kind"),
    [
        (FigurePngFormatter(), Image.Image),
        (FigureSvgFormatter(), str),
        (FigurePdfFormatter(), bytes),
    ],
    ids=["png", "svg", "pdf"],
)
def test_a_figure_is_drawn_the_same_each_time_and_read_as_its_drawing(
    formatter, kind, tmp_path
):
    paths = [tmp_path / name for name in "ab"]
    for path in paths:
        formatter.write_file(draw(), path, FIGURE)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert isinstance(formatter.read_file(paths[0], FIGURE), kind)
    whole = paths[0].read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"junk" * 99):
        paths[0].write_bytes(damaged)
        with pytest.raises(IntegrityError):
            formatter.read_file(paths[0], FIGURE)


def test_pickle_writes_and_reads_only_where_the_settings_name_it(tmp_path):
    ref = make_ref("thing", storage_class="PythonObject")
    named = FileDatastoreSettings(formatters={"PythonObject": "pickle"})
    trusting = FileDatastore(named, str(tmp_path))
    records = trusting.write(Fraction(1, 3), ref)
    assert trusting.read(ref, records) == Fraction(1, 3)
    careful = FileDatastore(FileDatastoreSettings(), str(tmp_path))
    with pytest.raises(SettingsError, match="'pickle' runs what is in its files"):
        careful.read(ref, records)
    with pytest.raises(SettingsError, match="'pickle' runs what is in its files"):
        careful.write(Fraction(1, 3), ref)
    with pytest.raises(InvalidInputError, match="cannot be pickled"):
        trusting.write(lambda: None, ref)


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("Figure", "matplotlib", "plots"),
        ("Spectrum", "specutils", "spectra"),
        ("ArrowTable", "pyarrow", "arrow"),
    ],
)
def test_a_type_whose_library_is_missing_says_how_to_get_it(
    monkeypatch, name, module, extra
):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PluginError, match=rf"pip install 'pantler\[{extra}\]'"):
        get_storage_class(name).load_type()


def test_a_format_whose_library_is_missing_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "msgpack", None)
    with pytest.raises(PluginError, match=r"pip install 'pantler\[msgpack\]'"):
        MsgpackFormatter().to_bytes({}, get_storage_class("StructuredDict"))
