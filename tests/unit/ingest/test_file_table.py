"""Tables of files become datasets, or say in which row they are wrong."""

from __future__ import annotations

import polars as pl
import pytest
from astropy.table import Table

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.errors import AccessError, DataIdError, InvalidInputError, PluginError
from pantler.ingest.file_table import read_file_table
from pantler.ingest.registration import register_instrument
from pantler.instruments.instrument import get_instrument

CAMERA = {"instrument": "DemoCam"}


@pytest.fixture
def butler(tmp_path):
    with Repository.create(tmp_path / "repo") as repository:
        register_instrument(repository, get_instrument("demo"))
        butler = Butler.of(repository)
        butler.dataset_types.register("notes", "detector", "Text")
        yield butler


@pytest.fixture
def notes(butler):
    return butler.dataset_types.get("notes")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "files"
    made.mkdir()
    for number in range(3):
        (made / f"n{number}.txt").write_text(f"note {number}")
    return made


ROWS = {"path": ["n0.txt", "n1.txt", "n2.txt"], "detector": [0, 1, 2]}


@pytest.mark.parametrize("kind", ["csv", "ecsv", "parquet"])
def test_each_row_is_a_dataset(butler, notes, folder, kind):
    table = folder / f"t.{kind}"
    if kind == "csv":
        pl.DataFrame(ROWS).write_csv(table)
    elif kind == "parquet":
        pl.DataFrame(ROWS).write_parquet(table)
    else:
        Table(ROWS).write(table, format="ascii.ecsv")
    files = read_file_table(table, notes, "u/notes", data_id=CAMERA)
    refs = butler.ingest(files)
    assert [butler.get(ref) for ref in refs] == ["note 0", "note 1", "note 2"]
    assert [ref.data_id["detector"] for ref in refs] == [0, 1, 2]


@pytest.mark.parametrize("name", ["g[1].csv", "w*.csv", "[ab]/t?.csv"])
def test_no_other_table_is_read(notes, folder, name):
    table = folder / name
    table.parent.mkdir(exist_ok=True)
    table.write_text("path,detector\nn1.txt,1\n")
    for other in ("g1.csv", "wx.csv", "w.csv", "a/tx.csv"):
        (folder / "a").mkdir(exist_ok=True)
        (folder / other).write_text("path,detector\nother.txt,2\n")
    (file,) = read_file_table(table, notes, "r", data_id=CAMERA)
    assert file.path.name == "n1.txt"


def test_a_folder_is_not_a_table(notes, folder):
    (folder / "d.csv").mkdir()
    (folder / "d.csv" / "x.csv").write_text("path,detector\nn1.txt,1\n")
    with pytest.raises(AccessError, match="Is a directory"):
        read_file_table(folder / "d.csv", notes, "r", data_id=CAMERA)


@pytest.mark.parametrize("value", ["1_0", " 1", "\uff11", "0x1", "1.0"])
def test_only_digits_are_a_number(notes, folder, value):
    (folder / "t.csv").write_text(f"path,detector\nn1.txt,{value}\n", "utf-8")
    with pytest.raises(InvalidInputError, match="row 1: 'detector'"):
        read_file_table(folder / "t.csv", notes, "r", data_id=CAMERA)


def test_paths_start_from_the_folder_that_is_given(notes, folder, tmp_path):
    table = tmp_path / "t.csv"
    pl.DataFrame(ROWS).write_csv(table)
    files = read_file_table(table, notes, "r", data_id=CAMERA, folder=folder)
    assert files[2].path == folder / "n2.txt"
    absolute = {**ROWS, "path": [str(folder / name) for name in ROWS["path"]]}
    pl.DataFrame(absolute).write_csv(table)
    assert read_file_table(table, notes, "r", data_id=CAMERA)[2].path == (
        folder / "n2.txt"
    )


@pytest.mark.parametrize(
    ("text", "data_id", "message"),
    [
        ("path,detector\na,0\n", {}, "has no column 'instrument'"),
        ("path,detectr\na,0\n", CAMERA, "Did you mean 'detector'"),
        ("path,detector\na,0\n", {**CAMERA, "detector": "1"}, "is a column of"),
        ("path,detector\na,0\nb,x\n", CAMERA, "row 2: 'detector'"),
        ("path,detector\na,0\nb,\n", CAMERA, "row 2: 'detector'"),
        ("path,detector\na,0\n,1\n", CAMERA, "row 2: the first column has"),
        ("path,detector\na,0\nb\n", CAMERA, "row 2: 'detector'"),
        ("path,detector\na,0,3,4\n", CAMERA, "cannot be read"),
        ("path,detector\na,1.5\n", CAMERA, "row 1: 'detector'"),
        ("path,detector\na,9" + "9" * 30 + "\n", CAMERA, "row 1: 'detector'"),
        ("", CAMERA, "cannot be read"),
        ("path\na\n", {**CAMERA, "detector": "x"}, "what is given for all files"),
    ],
)
def test_what_is_wrong_is_said_with_its_row(notes, tmp_path, text, data_id, message):
    table = tmp_path / "t.csv"
    table.write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        read_file_table(table, notes, "r", data_id=data_id)


@pytest.mark.parametrize("kind", ["csv", "ecsv", "parquet"])
def test_noise_is_refused(notes, tmp_path, kind):
    table = tmp_path / f"t.{kind}"
    table.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(InvalidInputError):
        read_file_table(table, notes, "r", data_id=CAMERA)


def test_a_table_that_is_not_there_or_of_another_kind(notes, tmp_path):
    with pytest.raises(AccessError, match="No such file"):
        read_file_table(tmp_path / "no.csv", notes, "r")
    with pytest.raises(InvalidInputError, match="ends in none of"):
        read_file_table(tmp_path / "no.xls", notes, "r")


def test_an_unknown_formatter_brings_nothing_in(butler, notes, folder):
    table = folder / "t.csv"
    pl.DataFrame(ROWS).write_csv(table)
    files = read_file_table(table, notes, "r", data_id=CAMERA, formatter="bogus")
    with pytest.raises(PluginError, match="bogus"):
        butler.ingest(files)
    assert not butler.query_datasets("notes")


def test_a_data_id_that_matches_nothing_is_said_with_its_file(butler, notes, folder):
    (folder / "t.csv").write_text("path,detector\nn0.txt,0\nn1.txt,77\n")
    files = read_file_table(folder / "t.csv", notes, "r", data_id=CAMERA)
    with pytest.raises(DataIdError, match=r"n1\.txt' cannot be ingested: .*77"):
        butler.ingest(files)
