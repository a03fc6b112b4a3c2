"""The log goes where, and as far, as its settings say."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from pantler.errors import InvalidInputError, StorageError
from pantler.execution.log_settings import TRACE, VERBOSE, LogSettings


@pytest.fixture(autouse=True)
def _only_ours(monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])


def say(name, level, text="said", **more):
    logging.getLogger(name).log(level, text, **more)


def test_a_level_alone_is_that_of_pantler_and_its_tasks(capfd):
    with LogSettings.parse(["debug"]).applied():
        say("pantler.task.isr", logging.DEBUG, "ours")
        say("urllib3", logging.INFO, "theirs")
        say("urllib3", logging.WARNING, "their warning")
    assert capfd.readouterr().err.splitlines() == [
        "DEBUG pantler.task.isr: ours",
        "WARNING urllib3: their warning",
    ]


def test_a_component_has_its_own_level_and_those_below_it_too(capfd):
    levels = ["pantler.registry=trace", "pantler=error", "pantler.registry.sql=info"]
    with LogSettings.parse(levels).applied():
        say("pantler.registry", TRACE, "1")
        say("pantler.registry.other", VERBOSE, "2")
        say("pantler.registry.sql.waiting", VERBOSE, "not")
        say("pantler.registryx", logging.WARNING, "not")
        say("pantler.registry.sql.waiting", logging.INFO, "3")
    said = [line.split() for line in capfd.readouterr().err.splitlines()]
    assert [(words[0], words[-1]) for words in said] == [
        ("TRACE", "1"),
        ("VERBOSE", "2"),
        ("INFO", "3"),
    ]


def test_a_point_stands_for_all(capfd):
    with LogSettings.parse([".=info"]).applied():
        say("urllib3", logging.INFO)
        say("pantler", logging.INFO, "not")
    assert capfd.readouterr().err == "INFO urllib3: said\n"


@pytest.mark.parametrize("text", ["loud", "pantler=loud", "=info", "", "pantler="])
def test_an_unknown_level_is_refused(text):
    with pytest.raises(InvalidInputError, match=r"level|component"):
        LogSettings.parse([text])


@pytest.mark.parametrize("text", ["night", "=3", "", " =x"])
def test_a_label_has_a_name(text):
    with pytest.raises(InvalidInputError, match="is not a label"):
        LogSettings.parse(labels=[text])


def test_files_get_json_or_text_after_what_is_there(tmp_path, capfd):
    logging.getLogger().handlers.clear()  # pytest's own cannot pass the text on
    text, lines = tmp_path / "a.log", tmp_path / "a.json"
    text.write_text("before\n")
    settings = LogSettings.parse(
        labels=["night=3", "who=me"], files=[str(text), str(lines)], tty=False
    )
    with settings.applied():
        try:
            1 / 0  # noqa: B018
        except ZeroDivisionError:
            say("pantler.x", logging.ERROR, "odd \ud800 \x1b[0m", exc_info=True)
        say("pantler.x", logging.INFO, "not")
    assert capfd.readouterr().err == ""
    (entry,) = map(json.loads, lines.read_text().splitlines())
    assert entry["level"] == "ERROR"
    assert entry["labels"] == {"night": "3", "who": "me"}
    assert entry["exception"].rstrip().endswith("ZeroDivisionError: division by zero")
    assert entry["file"] == "test_log_settings.py"
    before, first, *rest = text.read_text().splitlines()
    assert before == "before"
    assert "pantler.x night=3 who=me (test_log_settings.py:" in first
    assert "\\x1b[0m" in first
    assert rest[-1] == "ZeroDivisionError: division by zero"


def test_a_message_whose_arguments_do_not_fit_is_written_all_the_same(capfd):
    logging.getLogger().handlers.clear()  # pytest's own refuse it
    with LogSettings().applied():
        logging.getLogger("pantler").warning("%d stars", "many")
    assert "WARNING pantler: %d stars (its arguments do not fit)" in (
        capfd.readouterr().err
    )


def test_a_file_that_cannot_be_opened_gets_a_sentence(tmp_path):
    held = logging.getLogger().handlers[:]
    bad = LogSettings.parse(files=[str(tmp_path / "good"), str(tmp_path / "no" / "x")])
    with pytest.raises(StorageError, match="Choose another file"), bad.applied():
        pass
    assert logging.getLogger().handlers == held


def test_all_is_as_before_in_the_end(tmp_path):
    root = logging.getLogger()
    root.handlers.clear()  # those of pytest
    level = root.level
    with (
        LogSettings.parse(["trace"]).applied(),
        LogSettings.parse(["error"], files=[str(tmp_path / "x")]).applied(),
    ):
        assert len(root.handlers) == 2  # the terminal's, and that of the file
        current = LogSettings.current()
        assert current is not None
        assert current.levels["pantler"] == logging.ERROR
    assert root.handlers == []
    assert root.level == level
    assert LogSettings.current() is None


def test_json_text_holds_all(tmp_path):
    settings = LogSettings.parse(
        ["debug", "a.b=trace"], ["n=1"], long=True, files=[str(tmp_path)], tty=False
    )
    assert LogSettings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize("processes", [0, 2])
def test_what_tasks_log_reaches_files_from_every_process(
    execute, made_pipeline, tmp_path, capfd, processes
):
    path = tmp_path / "run.json"
    settings = LogSettings.parse(
        ["pantler.task=info"], ["night=3"], files=[str(path)], tty=False
    )
    with settings.applied():
        execute(made_pipeline(say="a\nb" * 5_000), processes=processes)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    said = [e for e in entries if e["logger"] == "pantler.task.source"]
    assert said
    assert {e["message"] for e in said} == {"a\nb" * 5_000}
    assert all(e["labels"] == {"night": "3"} for e in entries)
    assert capfd.readouterr().err == ""


def test_processes_that_write_one_file_do_not_mix_their_lines(tmp_path):
    path = tmp_path / "all.json"
    code = (
        "import logging, sys\n"
        "from pantler.execution.log_settings import LogSettings\n"
        "with LogSettings.parse(['info'], files=[sys.argv[1]]).applied():\n"
        "    for i in range(200):\n"
        "        logging.getLogger('pantler').info('%s %d', 'x' * 20_000, i)\n"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stderr=subprocess.DEVNULL
        )
        for _ in range(3)
    ]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    lines = path.read_text().splitlines()
    assert len(lines) == 600
    assert {len(json.loads(line)["message"]) for line in lines} <= {
        20_002,
        20_003,
        20_004,
    }
