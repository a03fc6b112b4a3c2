"""Commands that remove and change: what they show, ask, refuse and do."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from pantler.butler.interface import Butler
from pantler.cli.main import main
from pantler.cli.removing import size_text
from pantler.errors import ConflictError, DatasetNotFoundError


@pytest.fixture
def repo(survey_repository, tmp_path):
    """A repository with two runs of frames, in a tag and in chains."""
    folder = shutil.copytree(survey_repository, tmp_path / "repo")
    with Butler.open(folder, writeable=True) as butler:
        for run in ("u/a", "u/b"):
            for detector in range(3):
                keys = {"exposure": 1, "detector": detector}
                butler.put({"level": detector}, "raw", keys, run=run)
        butler.collections.register("u/good", "TAGGED", "Without clouds")
        refs = list(butler.query_datasets("raw", collections="u/a"))
        butler.collections.associate("u/good", refs[:2])
        butler.collections.chain("u/all", ["u/a", "u/good"])
    return folder


@pytest.fixture
def pantler(repo, capfd, monkeypatch):
    """A function that runs a command; returns its code, and what it said."""

    def run(name, *words):
        line = ["pantler", name, str(repo), *words]
        monkeypatch.setattr(sys, "argv", line)
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return ended.value.code, said.out, said.err

    return run


@pytest.fixture
def butler(repo):
    with Butler.open(repo) as butler:
        yield butler


def _count(butler, collection):
    return butler.query_datasets("raw", collections=collection).count()


def _words(text):
    return " ".join(text.split())


def test_what_would_go_is_shown_and_nothing_goes(pantler, butler):
    code, out, _ = pantler("remove-datasets", "r*", "-i", "u/a", "--dry-run")
    assert code == 0
    assert "u/a raw 3 3" in _words(out)
    assert "u/good raw 2" in _words(out)
    assert "This was a dry run: nothing was changed." in out
    assert (_count(butler, "u/a"), _count(butler, "u/good")) == (3, 2)


def test_without_a_yes_nobody_who_cannot_be_asked_is_taken_to_agree(pantler, butler):
    for words in (
        ("remove-datasets", "raw", "-i", "u/a"),
        ("remove-runs", "u/b"),
        ("remove-collections", "u/all"),
        ("remove-dataset-type", "bias"),
        ("remove-dimension-records", "visit_definition", "--where", "visit = 1"),
        ("decertify", "Cam/calib", "bias"),
    ):
        code, _, err = pantler(*words)
        assert code == 2, words
        assert "--yes" in err
        assert "--dry-run" in err
    assert (_count(butler, "u/a"), _count(butler, "u/b")) == (3, 3)


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 3), ("", 3)])
def test_who_can_be_asked_is_asked(pantler, butler, monkeypatch, answer, left):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    asked = []

    def ask(question, **_):
        asked.append(question)
        return answer == "y"

    monkeypatch.setattr("click.confirm", ask)
    code, out, _ = pantler("remove-datasets", "raw", "-i", "u/a")
    assert code == 0
    assert asked == ["Remove them?"]
    assert _count(butler, "u/a") == left
    assert ("Removed 3 datasets." in out) == (not left)
    assert ("Nothing was changed." in out) == bool(left)


def test_datasets_are_removed_as_they_are_listed(pantler, butler):
    where = ("--where", "detector = 1")
    code, out, _ = pantler("remove-datasets", "raw", "-i", "u/a,u/b", *where, "--yes")
    assert (code, out.splitlines()[-1]) == (0, "Removed 1 dataset.")
    assert (_count(butler, "u/a"), _count(butler, "u/b")) == (2, 3)
    every = ("--no-find-first", "--yes")
    code, out, _ = pantler("remove-datasets", "raw", "-i", "u/a,u/b", *every)
    assert "Removed 5 datasets." in out
    code, out, _ = pantler("remove-datasets", "raw", "-i", "u/a,u/b", *every)
    assert (code, out) == (0, "No datasets match: there is nothing to remove.\n")


def test_files_alone_are_removed(pantler, butler):
    words = ("raw", "-i", "u/b", "--files-only", "--yes")
    code, out, _ = pantler("remove-datasets", *words)
    assert code == 0
    assert "stay known" in out
    assert "Removed the files of 3 datasets." in out
    assert _count(butler, "u/b") == 3
    assert not any(map(butler.exists, butler.query_datasets("raw", collections="u/b")))
    ref = next(iter(butler.query_datasets("raw", collections="u/b")))
    for read in (
        lambda: butler.get(ref),
        lambda: butler.get("raw", ref.data_id, collections="u/b"),
        lambda: butler.get_deferred(ref).get(),
        lambda: butler.uri(ref),
    ):
        with pytest.raises(DatasetNotFoundError, match=r"file of raw@.* was removed"):
            read()
    code, out, _ = pantler("check")
    assert code == 0
    assert out == (
        "3 datasets are known without files, which were removed alone.\n"
        "Every other dataset has its file, and every file its dataset.\n"
    )


def test_a_run_in_a_chain_is_removed_only_if_unlinked(pantler, butler):
    code, out, err = pantler("remove-runs", "u/?", "--yes")
    assert code == ConflictError.exit_code
    assert "The runs 'u/a', 'u/b' go too." in out
    assert "'u/a' is searched by u/all" in err
    assert _count(butler, "u/a") == 3
    code, out, _ = pantler("remove-runs", "u/?", "--unlink", "--yes")
    assert code == 0
    assert "Removed 6 datasets and 2 runs." in out
    names = [one.name for one in butler.collections.query("u/*")]
    assert names == ["u/all", "u/good"]
    assert butler.collections.get("u/all").children == ("u/good",)


def test_other_collections_are_removed_without_their_datasets(pantler, butler):
    code, out, _ = pantler("remove-collections", "u/all", "u/good", "--yes")
    assert code == 0
    assert "'u/good' goes (TAGGED); its datasets stay." in out
    assert "Removed 2 collections." in out
    assert _count(butler, "u/a") == 3
    code, _, err = pantler("remove-collections", "u/a", "--yes")
    assert code == 2
    assert "pantler remove-runs" in err


def test_a_dataset_type_is_removed_when_it_is_not_used(pantler, butler):
    code, out, _ = pantler("register-dataset-type", "stars", "DataFrame", "visit")
    assert (code, out) == (0, "Registered 'stars'.\n")
    code, out, _ = pantler("register-dataset-type", "stars", "DataFrame", "visit")
    assert out == "'stars' was registered already.\n"
    code, out, err = pantler("remove-dataset-type", "stars", "raw", "--yes")
    assert code == ConflictError.exit_code
    assert "stars {instrument, visit} (DataFrame): has no datasets." in out
    assert "raw" in err
    assert butler.dataset_types.find("stars")
    code, out, _ = pantler("remove-dataset-type", "st*", "--yes")
    assert "Removed 1 dataset type." in out
    assert not butler.dataset_types.find("stars")


def test_records_are_removed_with_what_depends_on_them(pantler, butler):
    words = ("exposure", "--where", "exposure = 1")
    code, out, err = pantler("remove-dimension-records", *words, "--yes")
    assert code == ConflictError.exit_code
    assert "10 'raw' datasets" in err
    assert "raw" not in out  # it is said once
    code, out, _ = pantler("remove-dimension-records", *words, "--cascade", "--yes")
    assert "u/a raw 3 3" in _words(out)
    assert out.count("'visit_definition'") == 1
    assert "'raw' datasets" not in out
    assert (code, out.splitlines()[-1]) == (0, "Removed.")
    assert not butler.query_dimension_records("exposure", where="exposure = 1").any()
    assert _count(butler, "u/a") == 0
    code, out, _ = pantler("remove-dimension-records", *words, "--yes")
    assert (code, out) == (0, "No records match: there is nothing to remove.\n")
    code, _, err = pantler("remove-dimension-records", "exposure", "--yes")
    assert code == 2
    assert "--where" in err


def test_a_chain_is_changed_in_all_its_ways(pantler):
    def change(*words):
        code, out, err = pantler("collection-chain", "u/chain", *words)
        assert code == 0, err
        return out.removeprefix("'u/chain' searches ").removesuffix(".\n")

    assert change("u/b") == "u/b"
    assert change("Cam/raw", "u/a", "--mode", "extend") == "u/b, Cam/raw, u/a"
    assert change("u/good", "--mode", "prepend") == "u/good, u/b, Cam/raw, u/a"
    assert change("u/b,u/a", "--mode", "remove") == "u/good, Cam/raw"
    assert change("--mode", "pop") == "Cam/raw"
    assert change("u/all", "--mode", "extend", "--flatten") == "Cam/raw, u/a, u/good"
    assert change("0", "2", "--mode", "pop") == "u/a"
    assert change("u/all", "u/b") == "u/all, u/b"
    assert change() == "nothing"
    code, _, err = pantler("collection-chain", "u/chain", "--mode", "pop")
    assert code == 2
    assert "has no child at 0" in err
    code, _, err = pantler("collection-chain", "u/all", "x", "--mode", "pop")
    assert code == 2
    assert "say places" in err
    code, _, err = pantler("collection-chain", "u/new", "u/new")
    assert code == 2
    assert "itself" in err


def test_datasets_are_tagged_and_untagged(pantler, butler):
    words = ("u/mine", "raw", "-i", "u/b", "--where", "detector > 0")
    code, out, _ = pantler("associate", *words)
    assert (code, out) == (0, "Put 2 datasets into 'u/mine'.\n")
    assert _count(butler, "u/mine") == 2
    words = ("u/mine", "*", "--where", "detector = 2")
    code, out, _ = pantler("disassociate", *words)
    assert (code, out) == (0, "Took 1 dataset out of 'u/mine'.\n")
    assert _count(butler, "u/mine") == 1


@pytest.mark.parametrize("command", ["associate", "disassociate", "remove-datasets"])
def test_that_nothing_matches_has_its_reason(pantler, command):
    words = ("u/good",) * (command != "remove-datasets")
    words = (*words, "raw", "--where", "detector = 77")
    code, out, err = pantler(command, *words)
    assert code == 0
    assert "0 datasets" in out or "there is nothing to remove" in out
    assert "raw: No row satisfies `detector = 77`." in err
    assert "The values of 'detector' there are" in err


def test_calibrations_are_decertified_and_replaced(pantler, butler):
    def ranges(detector):
        found = butler.query_datasets(
            "bias", collections="Cam/calib", detector=detector, find_first=False
        )
        return found.count()

    words = ("Cam/calib", "bias", "--begin-date", "2026-01-01")
    words += ("--end-date", "2026-02-01", "--where", "detector = 1")
    code, out, _ = pantler("decertify", *words, "--dry-run")
    assert code == 0
    assert "unbounded" in out
    assert ranges(1) == 1
    code, out, _ = pantler("decertify", *words, "--yes")
    assert "Cut 1 range of validity." in out
    assert (ranges(0), ranges(1)) == (1, 2)
    code, out, _ = pantler("decertify", *words, "--yes")
    assert (code, out) == (
        0,
        "No calibration is valid then: there is nothing to change.\n",
    )
    code, _, err = pantler("decertify", "Cam/raw", "bias", "--yes")
    assert code == 2
    assert "is RUN, not CALIBRATION" in err
    words = ("Cam/biases", "Cam/calib", "bias", "--begin-date", "2026-01-15")
    code, _, err = pantler("certify-calibrations", *words)
    assert code == ConflictError.exit_code
    assert "--replace, or replace=True" in err
    code, out, _ = pantler("certify-calibrations", *words, "--replace")
    assert code == 0
    code, out, _ = pantler("decertify", "Cam/calib", "bias", "--yes")
    assert code == 0
    assert butler.collections.summary("Cam/calib").dataset_types == ()


def test_names_and_words_are_given(pantler, butler):
    assert pantler("register-collection", "u/new", "--doc", "New")[1] == (
        "Made the RUN collection 'u/new'.\n"
    )
    assert pantler("register-collection", "u/new")[1] == "'u/new' was there already.\n"
    assert butler.collections.get("u/new").doc == "New"
    assert "now it says" in pantler("register-collection", "u/new", "--doc", "Old")[1]
    assert butler.collections.get("u/new").doc == "Old"
    assert pantler("register-collection", "u/new", "--type", "tagged")[0] == 4
    pantler("register-collection", "u/best", "--type", "tagged")
    code, out, _ = pantler("register-collection", "u/best", "--doc", "Without clouds")
    assert (code, "now it says" in out) == (0, True)
    code, out, _ = pantler("rename-collection", "u/a", "u/c")
    assert (code, out) == (
        0,
        "'u/a' is now 'u/c'. 'u/all' searches it by that name.\n",
    )
    assert _count(butler, "u/c") == 3
    code, out, _ = pantler("rename-dataset-type", "raw", "frame")
    assert (code, out) == (0, "'raw' is now 'frame'.\n")
    assert butler.query_datasets("frame", collections="u/c").count() == 3


def test_collections_are_listed_with_what_is_known_of_them(pantler):
    code, out, _ = pantler("query-collections", "u/*", "Cam/raw", "--format", "json")
    assert code == 0
    rows = {row["name"]: row for row in json.loads(out)}
    assert list(rows) == ["u/a", "u/all", "u/b", "u/good", "Cam/raw"]
    assert rows["u/all"]["children"] == ["u/a", "u/good"]
    assert rows["u/good"]["doc"] == "Without clouds"
    shown = ("--show-parents", "-t", "--show-governors", "--format", "json")
    (row,) = json.loads(pantler("query-collections", "u/good", *shown)[1])
    assert row["parents"] == ["u/all"]
    assert row["dataset_types"] == ["raw"]
    assert row["governors"] == ["instrument=Cam"]
    pantler("collection-chain", "u/top", "u/all", "u/b")
    assert pantler("query-collections", "u/top", "--tree")[1].splitlines() == [
        "u/top (CHAINED)",
        "├─ u/all (CHAINED)",
        "│  ├─ u/a (RUN)",
        "│  └─ u/good (TAGGED): Without clouds",
        "└─ u/b (RUN)",
    ]
    code, _, err = pantler("query-collections", "--tree", "--format", "json")
    assert code == 2
    assert "leave out" in err


def test_dataset_types_are_listed(pantler):
    rows = json.loads(pantler("query-dataset-types", "--format", "json")[1])
    assert [row["name"] for row in rows] == ["bias", "raw"]
    assert rows[0]["is_calibration"]
    assert rows[1]["dimensions"] == ["instrument", "detector", "exposure"]
    words = ("*", "-i", "u/a,u/good", "--format", "json")
    rows = json.loads(pantler("query-dataset-types", *words)[1])
    assert [row["name"] for row in rows] == ["raw"]
    code, _, err = pantler("query-dataset-types", "x*")
    assert (code, err) == (0, "There are no such dataset types.\n")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (2_340_000_000, "2.3 GB"),
        (10**21, "1000000 PB"),
    ],
)
def test_sizes_are_said_in_two_or_three_digits(size, text):
    assert size_text(size) == text
