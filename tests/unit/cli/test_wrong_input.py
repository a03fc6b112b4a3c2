"""Each option and argument of each command, given wrongly, gets a sentence."""

from __future__ import annotations

import itertools
import runpy
import shutil
import sys
from pathlib import Path

import click
import pytest

from pantler.butler.repository import Repository
from pantler.cli.main import main
from pantler.ingest.registration import register_instrument
from pantler.instruments.instrument import get_instrument
from pantler.testing.survey_repository import survey_pipeline

MAKER = runpy.run_path(str(Path(__file__).parents[3] / "docs" / "make_reference.py"))
COMMANDS = dict(MAKER["all_commands"]())

BYTES = "\udcff"  # what a byte that is not UTF-8 is in the words of a command line
ODD = ["", "nothing/like/it", "a b", BYTES, "x" * 10_000, "*", "-", "\n"]
NUMBERS = ["", "-1", "x", "1e20", "nan", "99999999999999999999999", "½"]
FILES = ["{tmp}/none/there", "{tmp}", "{tmp}/closed", "{tmp}/noise", "{tmp}/list.yaml"]
WHERES = [
    "visit >",
    "visit = '",
    "vist = 3",
    BYTES,
    "visit = 'é",
    "exposure.exposure_time > 'x'",
    "visit = 99999999999999999999999",
    "(" * 3_000,
    "T'0001-99-01' = T''",
    "visit.region OVERLAPS CIRCLE(1, 2)",
    "bogus.region OVERLAPS CIRCLE(1, 2, 3)",
]
REPOS = ["{tmp}/nowhere", "{tmp}/noise", "{tmp}", "", BYTES, "s3://bucket/repo"]

# A command line that is right but for what is put in.
PLAN = ["-p", "{tmp}/pipeline.yaml", "-i", "Cam/raw,Cam/calib", "--output-run", "u/run"]
RIGHT = {
    "associate": ["{repo}", "u/tag", "raw"],
    "build": ["{repo}", *PLAN, "-g", "{tmp}/made.qgraph"],
    "certify-calibrations": ["{repo}", "Cam/raw", "Cam/other", "raw"],
    "check": ["{repo}"],
    "collection-chain": ["{repo}", "u/chain", "Cam/raw"],
    "completion": ["bash"],
    "config show": ["{repo}"],
    "create": ["{tmp}/new"],
    "decertify": ["{repo}", "Cam/calib", "bias"],
    "disassociate": ["{repo}", "Cam/good", "raw"],
    "extend-universe": ["{repo}", "{tmp}/newer.yaml"],
    "define-visits": ["{tmp}/camera", "DemoCam"],
    "demo": ["{tmp}/demo"],
    "ingest-files": ["{repo}", "stars", "u/files", "{tmp}/table.csv"],
    "ingest-raws": ["{tmp}/camera", "{tmp}/frames"],
    "migrate": ["{repo}"],
    "query-collections": ["{repo}", "*"],
    "query-data-ids": ["{repo}", "detector"],
    "query-dataset-types": ["{repo}", "raw"],
    "query-datasets": ["{repo}", "raw"],
    "query-dimension-records": ["{repo}", "exposure"],
    "register-collection": ["{repo}", "u/new"],
    "register-dataset-type": ["{repo}", "stars", "DataFrame", "visit"],
    "register-instrument": ["{repo}", "demo"],
    "register-skymap": ["{repo}", "sky", "--pixel-scale", "0.4"],
    "remove-collections": ["{repo}", "Cam/calib"],
    "remove-dataset-type": ["{repo}", "bias"],
    "remove-datasets": ["{repo}", "raw"],
    "remove-dimension-records": ["{repo}", "exposure", "--where=exposure = 1"],
    "remove-runs": ["{repo}", "Cam/raw"],
    "rename-collection": ["{repo}", "Cam/calib", "Cam/raw"],
    "rename-dataset-type": ["{repo}", "raw", "bias"],
    "run": ["{repo}", *PLAN],
    "show": ["pipeline", "{tmp}/pipeline.yaml"],
}
# Wrong values of an option, whichever command has it, or of one command's.
OPTIONS = {
    "--format": ["xml", "", BYTES],
    "--data-id": ["", "visit", "=3", "visit=x", "bogus=1", BYTES],
    "--prefix": ["{tmp}/nowhere"],
    "--formatter": ["bogus", "", BYTES],
    "--limit": NUMBERS,
    "--options-file": FILES,
    "--order-by": ["", "bogus", "--", "-", BYTES, "detector.bogus", "a.b.c"],
    "--where": WHERES,
    "--columns": ["bogus", "a.b.c", "exposure.bogus", BYTES, ".", "exposure."],
    "--count-by": ["bogus", "a.b.c", "exposure.bogus", BYTES, ".", "exposure."],
    "--collections": ["nothing", BYTES, "x" * 10_000],
    "--inputs": ["nothing", BYTES],
    "--datasets": ["nothing", BYTES, "raw.header"],
    "--pipeline": [*FILES, "nowhere:x.yaml", "pantler:none.yaml", "", BYTES],
    "--tasks": ["bogus", BYTES],
    "--config": ["x", "bogus:a=3", "=", ":=", f"a:{BYTES}=1", "a:b"],
    "--instrument": ["bogus", "a.b.C", BYTES],
    "--output": ["", "Cam/raw", BYTES, "\n"],
    "--output-run": ["", BYTES, "\n", " "],
    "--save-graph": ["{tmp}/noise/there", "{tmp}"],
    "--graph": FILES,
    "--save": ["{tmp}/noise/there", "{tmp}/missing/there", "{tmp}"],
    "--drawing": ["png", ""],
    "--processes": NUMBERS,
    "--seed": ["x", "1.5", ""],
    "--begin-date": ["yesterday", "", "2025-13-01", BYTES, "0000-01-01", "mjd/inf"],
    "--end-date": ["yesterday", "", "2025-13-01", BYTES, "0000-01-01", "mjd/inf"],
    "--settings": FILES,
    "--universe": FILES,
    "--registry": ["bogus://x", "", BYTES, "postgresql://"],
    "--datastore-root": ["bogus://x", "", "s3://", "s3://user:word@bucket/x"],
    "--definition": FILES,
    "--transfer": ["steal", ""],
    "--collection-type": ["BOGUS", ""],
    "--type": ["BOGUS", ""],
    "--doc": [BYTES],
    "--mode": ["BOGUS", ""],
    "--pixel-scale": ["x", "", "0", "-1", "nan", "inf"],
    "--patch-size": NUMBERS,
    "--patch-border": ["-1", "x", "1e20", "nan", "99999999999999999999999"],
}
ARGUMENTS = {
    "repo": REPOS,
    "folder": ["{tmp}/noise", "{tmp}"],
    "file": FILES,
    "what": ["bogus", ""],
    "run": ["", BYTES, "Cam/calib"],
    "table": [*FILES, BYTES, "{tmp}/no.csv"],
    "shell": ["bogus", "", BYTES],
    "location": [*FILES, BYTES],
    "locations": ["{tmp}/nowhere", BYTES],
    "instrument": ["bogus", BYTES],
    "instruments": ["bogus", "", BYTES],
    "element": ["bogus", "", BYTES, "exposur"],
    "dimensions": ["bogus", "", BYTES, "detectr"],
    "input_collection": ["bogus", "", BYTES],
    "output_collection": ["Cam/raw", "", BYTES, "*"],
    "dataset_type": ["bogus", "", BYTES, "raw.header"],
    "name": ["", BYTES, "x" * 10_000],
    "glob": [],  # an empty answer is an answer
    "globs": ["bogus", BYTES],
    "collection": ["Cam/raw", "", BYTES, "*"],
    "parent": ["Cam/raw", "", BYTES, "*"],
    "children": ["bogus", BYTES, "u/chain"],
    "new_name": ["", BYTES, "*"],
    "storage_class": ["bogus", "", BYTES],
}
# What is right for one command though wrong for others.
RIGHT_HERE = {
    ("query-datasets", "--order-by", ""),
    ("query-data-ids", "--order-by", ""),
    ("query-dimension-records", "--order-by", ""),
    ("create", "repo", "{tmp}/nowhere"),
    ("query-collections", "globs", "bogus"),
    ("query-collections", "globs", BYTES),
    # A long name is one.
    ("register-collection", "name", "x" * 10_000),
    ("register-dataset-type", "name", "x" * 10_000),
    # Two types called the same: each is refused for the other.
    ("register-dataset-type", "dimensions", ""),
}


def cases():
    """Yield commands with one thing wrong, as the words after ``pantler``."""
    for name, command in COMMANDS.items():
        if isinstance(command, click.Group):
            continue
        places = itertools.count()
        for parameter in command.params:
            if isinstance(parameter, click.Argument):
                place = next(places)
                for value in ARGUMENTS[parameter.name]:
                    words = RIGHT[name].copy()
                    words[place : place + 1] = [value]
                    yield name, parameter.name, value, words
            elif not parameter.is_flag:
                option = max(parameter.opts, key=len)
                for value in OPTIONS[option]:
                    yield name, option, value, [*RIGHT[name], f"{option}={value}"]


CASES = [case for case in cases() if case[:3] not in RIGHT_HERE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, survey_repository):
    tmp = tmp_path_factory.mktemp("wrong")
    shutil.copytree(survey_repository, tmp / "repo")
    with Repository.create(tmp / "camera") as repository:
        register_instrument(repository, get_instrument("demo"))
    (tmp / "pipeline.yaml").write_text(survey_pipeline().to_yaml(), "utf-8")
    (tmp / "noise").write_bytes(bytes(range(256)) * 40)
    (tmp / "list.yaml").write_text("[1, 2]")
    (tmp / "closed").write_text("[")
    (tmp / "closed").chmod(0)
    (tmp / "frames").mkdir()
    return tmp


def _id(case):
    return "-".join(ascii(part)[1:-1][:20] for part in case[:3])


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_wrong_input_gets_a_sentence(case, folder, capfd, monkeypatch):
    name, _, _, words = case
    filled = [
        word.replace("{tmp}", str(folder)).replace("{repo}", str(folder / "repo"))
        for word in words
    ]
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["pantler", *name.split(), *filled])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capfd.readouterr()
    assert ended.value.code in range(1, 10), said
    assert "Traceback" not in said.err
    assert len(said.err) < 25_000
    assert "Error" in said.err or "Usage" in said.err
