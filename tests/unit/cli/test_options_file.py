"""Commands take options from files; the command line goes before them."""

from __future__ import annotations

import json
import sys

import pytest

from pantler.cli.main import main


@pytest.fixture
def ask(monkeypatch, capfd, survey_repository):
    """Run ``pantler … query-data-ids REPO detector …``; return rows, or the error."""

    def run(*words, before=()):
        line = ["pantler", *before, "query-data-ids", str(survey_repository)]
        argv = [*map(str, line), "detector", *map(str, words)]
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        if ended.value.code:
            assert "Traceback" not in said.err
            return said.err
        return json.loads(said.out)

    return run


def test_options_come_from_yaml_and_toml(ask, tmp_path):
    yaml, toml = tmp_path / "o.yaml", tmp_path / "o.toml"
    yaml.write_text("limit: 2\norder-by: [-detector]\nformat: json\n")
    toml.write_text('limit = 2\norder_by = "-detector"\nformat = "json"\n')
    first = ask("-@", yaml)
    assert [row["detector"] for row in first] == sorted(
        (row["detector"] for row in first), reverse=True
    )
    assert len(first) == 2
    assert ask("--options-file", toml) == first


def test_the_command_line_goes_before_the_file(ask, tmp_path):
    file = tmp_path / "o.yaml"
    file.write_text("limit: 2\nformat: json\n")
    assert len(ask("-@", file, "--limit", 1)) == 1


def test_a_table_a_command(ask, tmp_path):
    file = tmp_path / "pantler.toml"
    file.write_text(
        '[query-data-ids]\nlimit = 2\nformat = "json"\n[check]\ndeep = true\n'
    )
    assert len(ask(before=["--options", file])) == 2
    assert len(ask("--limit", 1, before=["--options", file])) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limt: 2", "the command has no option 'limt'. Did you mean 'limit'?"),
        ("repo: x", "the command has no option 'repo'"),
        ("options-file: x", "the command has no option 'options-file'"),
        ("limit: [1, 2]", "option 'limit' takes one value, not a list"),
        ("limit: {a: 1}", "option 'limit' cannot be {'a': 1}"),
        ("limit: ", "option 'limit' cannot be None"),
        ("limit: many", "Invalid value for '--limit'"),
        ("[1, 2]", "does not hold options"),
        ("3: 4", "the command has no option '3'"),
        ("~: 4", "the command has no option 'None'"),
        ("limit: 0x" + "f" * 6_000, "Invalid value for '--limit'"),
        ("limit: {a: [0x" + "f" * 6_000 + "]}", "option 'limit' cannot be"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(ask, tmp_path, text, message):
    file = tmp_path / "o.yaml"
    file.write_text(text)
    assert message in ask("-@", file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[query-dataids]\n",
            "there is no such command. Did you mean 'query-data-ids'",
        ),
        ("check = 3\n", "what it says of 'check' is not a table of options"),
        ("[query-data-ids]\nlimt = 2\n", "the command has no option 'limt'"),
        ("[query-data-ids\n", "is not TOML"),
        ("a" + ".a" * 50_000 + " = 1", "a key of more than 32 parts"),
        ("a" + '."a"' * 50_000 + " = 1", "a key of more than 32 parts"),
        ("[query-data-ids]\nlimit = 0x" + "f" * 6_000, "Invalid value"),
    ],
)
def test_what_is_wrong_in_a_table_is_said(ask, tmp_path, text, message):
    file = tmp_path / "pantler.toml"
    file.write_text(text)
    assert message in ask(before=["--options", file])


@pytest.mark.parametrize("text", ["~: 1", "1: {a: 1}", "on: {limit: 1}"])
def test_a_table_is_named_by_text(ask, tmp_path, text):
    file = tmp_path / "o.yaml"
    file.write_text(text)
    assert "there is no such command" in ask(before=["--options", file])


def test_a_file_without_end_is_refused(ask):
    assert "has more than 16 MiB" in ask("-@", "/dev/zero")


def test_flags_are_true_or_false(monkeypatch, capfd, tmp_path, survey_repository):
    file = tmp_path / "o.yaml"
    file.write_text("deep: 3")
    monkeypatch.setattr(
        sys, "argv", ["pantler", "check", str(survey_repository), "-@", str(file)]
    )
    with pytest.raises(SystemExit):
        main()
    assert "option 'deep' is true or false, not 3" in capfd.readouterr().err
