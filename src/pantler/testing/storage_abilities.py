"""What storage does with many files, with odd ones, and if it has the ability."""

# A suite is made of asserts.
# ruff: noqa: S101
from __future__ import annotations

import hashlib
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from pantler.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PantlerError,
)
from pantler.storage.interface import FilePart

if TYPE_CHECKING:
    from pathlib import Path

    from pantler.storage.interface import Storage


def is_there(storage: Storage, path: str) -> bool:
    """Whether a file can be seen."""
    try:
        storage.size_bytes(path)
    except NotFoundError:
        return False
    return True


def _ask(url: str, **options: Any) -> bytes:
    """Make a request as others would, who try again if it fails."""
    request = urllib.request.Request(url, **options)  # noqa: S310 - our own URL
    for attempt in range(1, 4):
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own URL
                return bytes(answer.read())
        except OSError:
            if attempt == 3:
                raise
    raise AssertionError("an attempt returns or raises")


class ManyFilesSuite:
    """Many at once, and those that are unlike others."""

    def test_many_files_are_written_and_read_at_once(self, storage: Storage) -> None:
        """In the order in which they were asked for, whole or in part."""
        content = {f"r/{n:03}/x": bytes([n]) * (n + 1) for n in range(100)}
        staged = storage.stage_many(content)
        assert [file.path for file in staged] == list(content)
        assert [file.size_bytes for file in staged] == [n + 1 for n in range(100)]
        storage.secure(staged)
        storage.publish(staged)
        backwards = list(reversed(content))
        parts = [FilePart(path) for path in backwards]
        assert storage.read_many(parts) == [content[path] for path in backwards]
        parts = [FilePart("r/099/x", offset=n, size=2) for n in (0, 99, 100)]
        assert storage.read_many(parts) == [b"cc", b"c", b""]
        assert storage.read_many([]) == []
        assert storage.stage_many({}) == []

    def test_one_missing_file_of_many_is_not_found(self, storage: Storage) -> None:
        """Nobody gets fewer than were asked for."""
        storage.write("a", b"x")
        parts = [FilePart("a")] * 5 + [FilePart("no/such")] + [FilePart("a")] * 5
        with pytest.raises(NotFoundError, match="no/such"):
            storage.read_many(parts)

    def test_one_bad_path_of_many_leaves_nothing(self, storage: Storage) -> None:
        """All are staged, or none."""
        with pytest.raises(InvalidInputError):
            storage.stage_many({"a/1": b"x", "a/2": b"x", "a/3": b"x", "../x": b"x"})
        assert list(storage.list_files()) == []
        assert storage.abandoned() == []

    def test_many_files_are_deleted_at_once(self, storage: Storage) -> None:
        """Also more than one request can name; those that are not there are passed."""
        paths = [f"r/{n}" for n in range(1100)]
        storage.publish(storage.stage_many(dict.fromkeys([*paths, "kept"], b"x")))
        storage.delete(*paths, "no/such", "r/0")
        storage.delete()
        assert list(storage.list_files()) == ["kept"]

    def test_more_files_are_listed_than_one_answer_holds(
        self, storage: Storage
    ) -> None:
        """Each of them once."""
        paths = [f"r/{n % 7}/{n:04}" for n in range(1100)]
        storage.publish(storage.stage_many(dict.fromkeys(paths, b"")))
        assert sorted(storage.list_files()) == sorted(paths)

    def test_a_file_that_is_listed_as_settled_is_published(
        self, storage: Storage
    ) -> None:
        """What cannot be told from what is about to be published is left out."""
        storage.write("a", b"x")
        assert set(storage.list_files(settled=True)) <= {"a"}
        staged = storage.stage("b", b"y")
        assert "b" not in set(storage.list_files(settled=True))
        storage.publish([staged])

    def test_a_large_file_comes_back(self, storage: Storage, tmp_path: Path) -> None:
        """In as many requests as it takes, into memory and onto the disk."""
        block = bytes(range(256)) * 4096
        source = tmp_path / "large.bin"
        with source.open("wb") as file:
            for number in range(35):
                file.write(bytes([number]) + block)
        digest = hashlib.sha256()
        file_ = storage.stage_file(source, "large/x.bin", "copy", digest)
        storage.publish([file_])
        expected = hashlib.sha256(source.read_bytes()).hexdigest()
        assert digest.hexdigest() == expected
        assert file_.size_bytes == storage.size_bytes("large/x.bin") == 36_700_195
        with storage.reading("large/x.bin") as local:
            assert local.name == "x.bin"
            assert hashlib.sha256(local.read_bytes()).hexdigest() == expected
        last = 34 * (len(block) + 1)
        assert storage.read("large/x.bin", offset=last, size=2) == b"\x22\x00"

    def test_names_that_differ_only_in_case_are_two(self, storage: Storage) -> None:
        """Where the store tells them apart at all; else neither is lost silently."""
        storage.write("Case/A", b"upper")
        if is_there(storage, "case/a"):
            pytest.skip("this store folds case")
        storage.write("case/a", b"lower")
        assert storage.read("Case/A") == b"upper"
        assert set(storage.list_files()) == {"Case/A", "case/a"}

    def test_a_name_that_is_too_long_is_refused_or_kept(self, storage: Storage) -> None:
        """Nothing in between, and with an error of ours."""
        path = "n" * 1000
        said = ""
        try:
            storage.write(path, b"x")
        except PantlerError as error:
            said = str(error)
        assert not said or "nnnn" in said
        assert list(storage.list_files()) == ([] if said else [path])


class AbilitySuite:
    """What some storage can do; the other refuses, with an error that says so."""

    def test_a_new_file_can_be_asked_for(self, storage: Storage) -> None:
        """What is there stays, and its writer is not told lies."""
        if "create" not in storage.capabilities:
            with pytest.raises(InvalidInputError, match="create"):
                storage.write("a/b", b"first", create=True)
            return
        storage.write("a/b", b"first", create=True)
        with pytest.raises(ConflictError, match="a/b"):
            storage.write("a/b", b"second", create=True)
        assert storage.read("a/b") == b"first"
        assert list(storage.list_files()) == ["a/b"]

    def test_of_many_who_create_one_file_one_wins(self, storage: Storage) -> None:
        """Also when all of them try at the same moment."""
        if "create" not in storage.capabilities:
            return
        start = threading.Barrier(8)

        def create(number: int) -> bool:
            start.wait()
            try:
                storage.write("new", bytes([number]) * 1000, create=True)
            except ConflictError:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            won = list(threads.map(create, range(8)))
        assert won.count(True) == 1
        assert storage.read("new") == bytes([won.index(True)]) * 1000

    def test_a_file_is_copied_within_the_store(self, storage: Storage) -> None:
        """The copy replaces what was there; the source stays."""
        storage.write("a/b", b"content")
        if "copy" not in storage.capabilities:
            with pytest.raises(InvalidInputError, match="copy"):
                storage.copy("a/b", "c")
            return
        storage.write("c d", b"before")
        storage.copy("a/b", "c d")
        storage.copy("a/b", "e/f")
        for path in ("a/b", "c d", "e/f"):
            assert storage.read(path) == b"content"
        with pytest.raises(NotFoundError, match="no/such"):
            storage.copy("no/such", "x")
        assert set(storage.list_files()) == {"a/b", "c d", "e/f"}

    def test_others_read_and_write_by_a_signed_url(self, storage: Storage) -> None:
        """Without credentials, one file, for a while."""
        storage.write("a b/ñ", b"content")
        if "sign" not in storage.capabilities:
            with pytest.raises(InvalidInputError, match="sign"):
                storage.signed_url("a b/ñ")
            return
        url = storage.signed_url("a b/ñ", lifetime_s=60)
        assert _ask(url) == b"content"
        url = storage.signed_url("new", method="PUT", lifetime_s=60)
        _ask(url, data=b"theirs", method="PUT")
        assert storage.read("new") == b"theirs"
