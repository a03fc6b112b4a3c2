"""Locations: one parser of URIs and paths."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.errors import InvalidInputError
from pantler.storage.location import Location, is_uri


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a/b", ("file", "", "/a/b")),
        ("/a/b/", ("file", "", "/a/b")),
        ("/", ("file", "", "/")),
        ("file:///a/b%20c%23/", ("file", "", "/a/b c#")),
        ("file:/a/b", ("file", "", "/a/b")),
        ("FILE://localhost/a", ("file", "", "/a")),
        ("s3://bucket/night%201/x", ("s3", "bucket", "/night 1/x")),
        ("s3://bucket", ("s3", "bucket", "")),
        ("s3://bucket/", ("s3", "bucket", "/")),
        ("https://host:8080/repo", ("https", "host:8080", "/repo")),
        ("/a?b#c", ("file", "", "/a?b#c")),
    ],
)
def test_text_is_read(text, expected):
    found = Location.parse(text)
    assert (found.scheme, found.authority, found.path) == expected


@pytest.mark.parametrize(
    "text", ["night:1/repo", "c:x", "a:b", "file:x", "x/y", "1://a"]
)
def test_a_path_with_colons_is_a_path(text, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert Location.parse(text).local_path() == Path(tmp_path, text)
    assert not is_uri(text)


def test_the_home_folder_can_be_written_short():
    assert Location.parse("~/x").local_path() == Path.home() / "x"
    assert Location.parse("/a/~").path == "/a/~"


@pytest.mark.parametrize("text", ["file://host/a", "file://", "file://host"])
def test_files_of_other_hosts_are_refused(text):
    with pytest.raises(InvalidInputError, match="file of this host"):
        Location.parse(text)


def test_what_is_elsewhere_has_no_local_path():
    with pytest.raises(InvalidInputError, match="s3://bucket/a"):
        Location.parse("s3://bucket/a").local_path()


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("b c", "s3://bucket/a/b%20c"),
        ("/abs", "file:///abs"),
        ("gs://other/x", "gs://other/x"),
        ("b/", "s3://bucket/a/b"),
    ],
)
def test_joining(path, uri):
    assert Location.parse("s3://bucket/a").join(path).uri == uri


def test_parents_and_names():
    location = Location.parse("/a/b c")
    assert (location.parent.path, location.name) == ("/a", "b c")
    assert Location.parse("/a").parent.path == "/"
    assert Location.parse("/repo").join("../x").path == "/x"
    assert str(location) == "/a/b c"
    assert str(Location.parse("s3://b/x y")) == "s3://b/x%20y"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_uri_leads_back_to_the_path(text):
    location = Location.parse("/root").join("x" + text.replace("/", ""))
    assert Location.parse(location.uri) == location
    assert is_uri(location.uri)
