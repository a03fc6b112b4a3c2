"""The code of the pages runs, and shows what the pages say.

A page is one story: its blocks run in order, in one folder and with one set of names.

- ``python``: is run; with ``>>>``, what it shows is compared.
- ``console``: lines after ``$ `` are run. ``pantler`` runs in this process; what it
  prints is compared where the page shows it. UUIDs, times of runs and durations may be
  any, and ``...`` stands for anything. A command that fails must be shown with its
  error or with ``$ echo $?``.
- Any block whose first line is ``# name.py`` (or yaml, toml) is written to that file.
- Other languages are only looked at by people.
"""

from __future__ import annotations

import doctest
import io
import linecache
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

from pantler import plugins
from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"# ([\w./-]+\.(?:py|yaml|toml))\n")
_OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_VARIES = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\b\d{8}T\d{12}Z\b|(?<= in )\d+\.\d(?= s\b)"
)
_PROGRESS = re.compile(r"^\d+ of \d+ quanta(?! done).*\n", re.MULTILINE)
_ASSIGNMENT = re.compile(r"[A-Z_]+=")
_OF_THE_SHELL = {"git", "ls", "make", "python3", "source"}  # shown, not run


@dataclass(frozen=True)
class Block:
    """A block of code between fences, with the line of its first line of code."""

    language: str
    text: str
    line: int


def _blocks(text: str) -> list[Block]:
    return [
        Block(match[1], match[2], text.count("\n", 0, match.start(2)) + 1)
        for match in _BLOCK.finditer(text)
    ]


def _runs(page: Path) -> bool:
    return any(
        block.language == "python" or "$ pantler" in block.text
        for block in _blocks(page.read_text("utf-8"))
    )


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


class Story:
    """One page, being run in the current folder."""

    def __init__(self, page: Path, monkeypatch) -> None:
        self._page = page
        self._patch = monkeypatch
        self._names: dict[str, object] = {"__name__": "page"}
        self._status = 0

    def run(self) -> None:
        try:
            for block in _blocks(self._page.read_text("utf-8")):
                self._run_block(block)
        finally:
            for value in self._names.values():
                if isinstance(value, Butler | Repository):
                    value.close()

    def _run_block(self, block: Block) -> None:
        file = _FILE_NAME.match(block.text)
        if file is not None:
            path = Path(file[1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
        elif block.language == "console":
            for line, shown in _typed(block.text):
                self._run_line(line, shown, block)
        elif block.language == "python" and ">>>" in block.text:
            self._run_session(block)
        elif block.language == "python":
            self._run_python(block)

    def _where(self, block: Block) -> str:
        return f"{_name(self._page)}:{block.line}"

    def _run_python(self, block: Block) -> None:
        source = "\n" * (block.line - 1) + block.text
        code = compile(source, str(self._page), "exec", dont_inherit=True)
        linecache.checkcache(str(self._page))
        exec(code, self._names)

    def _run_session(self, block: Block) -> None:
        example = doctest.DocTestParser().get_doctest(
            block.text, self._names, self._where(block), _name(self._page), block.line
        )
        runner = doctest.DocTestRunner(optionflags=_OPTIONS, verbose=False)
        report = io.StringIO()
        runner.run(example, out=report.write, clear_globs=False)
        self._names.update(example.globs)
        assert not runner.failures, report.getvalue()

    def _run_line(self, line: str, shown: str, block: Block) -> None:
        words = shlex.split(line)
        with pytest.MonkeyPatch.context() as patch:
            while _ASSIGNMENT.match(words[0]):
                patch.setenv(*words.pop(0).split("=", 1))
            self._run_words(words, line, shown, block)

    def _run_words(self, words: list[str], line: str, shown: str, block: Block) -> None:
        where = f"{self._where(block)}: {line}"
        output = ""
        if line == "echo $?":
            output = f"{self._status}\n"
        elif words[0] == "pantler":
            output = self._pantler(words)
            if self._status and "Error" not in shown:
                # It must be said that it fails: by `echo $?` on the next line.
                following = block.text.partition(line)[2]
                assert "$ echo $?" in following, f"{where}\n{output}"
        elif words[0] == "pytest":
            self._pytest(words[1:])
        elif words[:2] == ["pip", "install"]:
            self._install(Path(words[-1]))
        elif words[0] == "export":
            self._export(*words[1].split("=", 1))
        elif words[0] == "cd":
            self._patch.chdir(words[1])
        elif words[0] == "mkdir":
            Path(words[1]).mkdir(parents=True)
        else:
            assert words[0] in _OF_THE_SHELL, f"{where}: neither run nor known"
            return
        output = _PROGRESS.sub("", output)
        if shown.strip():
            same = doctest.OutputChecker().check_output(
                _VARIES.sub("*", shown), _VARIES.sub("*", output), _OPTIONS
            )
            assert same, f"{where}\nshown:\n{shown}\nfound:\n{output}"

    def _pantler(self, words: list[str]) -> str:
        self._patch.setattr(sys, "argv", words)
        output = io.StringIO()
        with (
            redirect_stdout(output),
            redirect_stderr(output),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        self._status = ended.value.code or 0
        return output.getvalue()

    def _pytest(self, words: list[str]) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _export(self, name: str, value: str) -> None:
        """Set a variable; PYTHONPATH for this process too."""
        if name == "PYTHONPATH":
            value = str(Path(value).resolve())
            self._patch.syspath_prepend(value)
        self._patch.setenv(name, value)

    def _install(self, project: Path) -> None:
        """Do what an editable installation does, without a build."""
        import tomllib

        table = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))[
            "project"
        ]
        info = project / "src" / f"{table['name']}-{table['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {table['name']}\n"
            f"Version: {table['version']}\n"
        )
        lines = []
        for group, points in table["entry-points"].items():
            lines += [
                f"[{group}]",
                *(f"{key}={value}" for key, value in points.items()),
            ]
        (info / "entry_points.txt").write_text("\n".join(lines))
        self._export("PYTHONPATH", str(project / "src"))
        _forget_plugins()


def _typed(text: str) -> list[tuple[str, str]]:
    """Return each line that is typed, continued lines joined, and what it shows."""
    parts = re.split(r"^\$ ", text.replace("\\\n", " "), flags=re.MULTILINE)[1:]
    return [
        (line.strip(), shown) for line, _, shown in (p.partition("\n") for p in parts)
    ]


def _forget_plugins() -> None:
    metadata.MetadataPathFinder().invalidate_caches()
    plugins._group.cache_clear()
    plugins.load_plugin.cache_clear()
    plugins.load_object.cache_clear()


@pytest.fixture
def installed():
    """What a page installs is forgotten after it."""
    modules = set(sys.modules)
    yield
    _forget_plugins()
    for name in set(sys.modules) - modules:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(Path.cwd())):
            del sys.modules[name]


def _link_frames(target: Path) -> None:
    """Put the frames of a real night where a page says that they are."""
    shared = os.environ.get("PANTLER_SHARED_DATA")
    folder = Path(shared) if shared else ROOT.parent / "shared" / "data"
    if not (folder / target.name).is_dir():
        assert "CI" not in os.environ, "the shared data are missing"
        pytest.skip(f"no frames '{target.name}': set PANTLER_SHARED_DATA")
    target.symlink_to(folder / target.name)


@pytest.mark.parametrize("page", list(filter(_runs, PAGES)), ids=_name)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch, request, installed):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    text = page.read_text("utf-8")
    if "demo/repo" in text:  # most of the time goes into making it
        request.getfixturevalue("link_demo")(tmp_path / "demo")
    if "arcsat_m13" in text:
        _link_frames(tmp_path / "arcsat_m13")
    Story(page, monkeypatch).run()
