"""Pages and code agree, links lead somewhere, and every command explains itself."""

from __future__ import annotations

import inspect
import re
import runpy
from pathlib import Path

import click
import pytest

import pantler

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MAKER = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))
COMMANDS = dict(MAKER["all_commands"]())

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img[^>]*src=\"([^\"]+)\"")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_MACHINE = re.compile(r"(?<![\w.])/(?:home|Users|root|tmp|work|mnt|private)/\w+")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = _FENCED.sub("", page.read_text("utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", t.lower()).strip().replace(" ", "-") for t in titles}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_and_pictures_are_there(page):
    text = _FENCED.sub("", page.read_text("utf-8"))
    for match in _LINK.finditer(text):
        target = match[1] or match[2]
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.exists(), target
        if anchor:
            assert anchor in _anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_a_page_names_no_folder_of_one_machine(page):
    assert not _MACHINE.search(page.read_text("utf-8"))


@pytest.mark.parametrize("page", sorted(MAKER["PAGES"]))
def test_a_page_made_of_the_code_is_up_to_date(page):
    """Run ``python docs/make_reference.py`` if this fails."""
    assert (REFERENCE / page).read_text("utf-8") == MAKER["PAGES"][page]()


def test_each_page_can_be_reached_from_the_map():
    pages = {p for p in (ROOT / "docs").rglob("*.md") if "decisions" not in p.parts}
    text = (ROOT / "docs" / "index.md").read_text("utf-8")
    linked = {(ROOT / "docs" / link[1]).resolve() for link in _LINK.finditer(text)}
    assert pages - linked == {ROOT / "docs" / "index.md"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_help_and_an_example(name):
    command = COMMANDS[name]
    summary = command.get_short_help_str(limit=200)
    assert summary.endswith(".")
    assert len(summary) <= 52, "the list of commands would cut it off"
    text = inspect.cleandoc(command.help)
    if not isinstance(command, click.Group):
        assert "\b\nExample" in text
        assert f"  pantler {name} " in text


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_of_a_command_is_explained(name):
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert parameter.help.endswith("."), parameter.help


@pytest.mark.parametrize("name", pantler.__all__)
def test_a_public_name_is_in_the_reference(name):
    assert f"| `{name}` |" in (REFERENCE / "python.md").read_text("utf-8")
