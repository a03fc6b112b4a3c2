"""What any storage does: inherit `StorageSuite` and give it a fixture."""

# A suite is made of asserts.
# ruff: noqa: S101
from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from pantler.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
)
from pantler.storage.claims import claim, owner_of
from pantler.testing.storage_abilities import AbilitySuite, ManyFilesSuite, is_there

if TYPE_CHECKING:
    from pathlib import Path

    from pantler.storage.interface import Storage, TransferMode


class StorageSuite(ManyFilesSuite, AbilitySuite):
    """The conformance suite of storage plugins.

    Examples
    --------
    In a test module of the plugin::

        class TestMyStorage(StorageSuite):
            @pytest.fixture
            def storage(self, tmp_path):
                return MyStorage(f"my://{tmp_path}/root")
    """

    @pytest.fixture
    def storage(self) -> Storage:
        """Return an empty storage; override this."""
        raise NotImplementedError

    def test_root_is_a_uri_with_a_final_slash(self, storage: Storage) -> None:
        """The root can be put before a path."""
        assert "://" in storage.root
        assert storage.root.endswith("/")

    def test_bytes_come_back(self, storage: Storage) -> None:
        """What was written is read, whole or in part."""
        storage.write("a/b.bin", b"0123456789")
        assert storage.read("a/b.bin") == b"0123456789"
        assert storage.read("a/b.bin", offset=3) == b"3456789"
        assert storage.read("a/b.bin", offset=3, size=4) == b"3456"
        assert storage.read("a/b.bin", offset=8, size=100) == b"89"
        assert storage.read("a/b.bin", offset=100) == b""

    def test_an_empty_file_is_a_file(self, storage: Storage) -> None:
        """Nothing can be stored too."""
        storage.write("empty", b"")
        assert is_there(storage, "empty")
        assert storage.read("empty") == b""
        assert storage.size_bytes("empty") == 0

    def test_writing_replaces(self, storage: Storage) -> None:
        """The last write counts."""
        storage.write("a", b"first")
        storage.write("a", b"2nd")
        assert storage.read("a") == b"2nd"
        assert storage.size_bytes("a") == 3

    def test_names_may_hold_what_people_write(self, storage: Storage) -> None:
        """Blanks, percent signs, hashes and other scripts are names."""
        for path in ("a b/c%20d", "x#y?z", "Ωμέγα/ñ.fits", "p*[q]"):
            storage.write(path, path.encode())
            assert storage.read(path) == path.encode()
        assert set(storage.list_files()) == {
            "a b/c%20d",
            "x#y?z",
            "Ωμέγα/ñ.fits",
            "p*[q]",
        }

    def test_a_file_is_visible_once_it_is_published(self, storage: Storage) -> None:
        """What is slow is done before, and readers see nothing of it."""
        files = [storage.stage("a/b", b"content"), storage.stage("c", b"")]
        if "rename" in storage.capabilities:
            assert not is_there(storage, "a/b")
            assert list(storage.list_files()) == []
        storage.secure(files)
        storage.publish(files)
        assert storage.read("a/b") == b"content"
        assert [file.size_bytes for file in files] == [7, 0]
        assert set(storage.list_files()) == {"a/b", "c"}

    def test_what_is_discarded_leaves_nothing(self, storage: Storage) -> None:
        """Discarding twice is not an error."""
        files = [storage.stage("a/b", b"content")]
        storage.discard(files)
        storage.discard(files)
        assert not is_there(storage, "a/b")
        assert list(storage.list_files()) == []
        assert storage.abandoned() == []

    def test_a_function_writes_to_a_local_path(self, storage: Storage) -> None:
        """A library gets a path, with the right extension."""

        def write(local: Path) -> None:
            assert local.suffix == ".fits"
            local.write_bytes(b"content")

        file = storage.stage_by("a/b.fits", write)
        assert file.size_bytes == 7
        storage.publish([file])
        assert storage.read("a/b.fits") == b"content"

    def test_a_function_that_fails_leaves_what_was_there(
        self, storage: Storage
    ) -> None:
        """Readers never see half a file."""
        storage.write("a/b", b"before")

        def fail_half_way(local: Path) -> None:
            local.write_bytes(b"half")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            storage.stage_by("a/b", fail_half_way)
        assert storage.read("a/b") == b"before"
        assert list(storage.list_files()) == ["a/b"]

    def test_a_local_path_can_be_read(self, storage: Storage) -> None:
        """Libraries that need a path get one."""
        storage.write("a/b.txt", b"content")
        with storage.reading("a/b.txt") as local:
            assert local.read_bytes() == b"content"

    def test_a_missing_file_is_not_found(self, storage: Storage) -> None:
        """All that reads says so in the same way."""
        assert not is_there(storage, "no/such")
        with pytest.raises(NotFoundError, match="no/such"):
            storage.read("no/such")
        with pytest.raises(NotFoundError, match="no/such"):
            storage.size_bytes("no/such")
        with pytest.raises(NotFoundError, match="no/such"), storage.reading("no/such"):
            pass

    def test_deleting_twice_is_not_an_error(self, storage: Storage) -> None:
        """After a delete the file is gone, whoever did it."""
        storage.write("a/b", b"x")
        storage.delete("a/b")
        storage.delete("a/b")
        assert not is_there(storage, "a/b")

    def test_files_are_listed_below_a_folder(self, storage: Storage) -> None:
        """Names that only begin alike are not below it."""
        for path in ("r/a", "r/s/b", "rest/c"):
            storage.write(path, b"")
        assert set(storage.list_files()) == {"r/a", "r/s/b", "rest/c"}
        assert set(storage.list_files("r")) == {"r/a", "r/s/b"}
        assert list(storage.list_files("none")) == []

    @pytest.mark.parametrize(
        "path", ["../x", "a/../../x", "/etc/x", "a//b", "", "a/./b"]
    )
    def test_nothing_leaves_the_root(self, storage: Storage, path: str) -> None:
        """A path stays below the root, and has one spelling."""
        for work in (
            lambda: storage.write(path, b"x"),
            lambda: storage.read(path),
            lambda: storage.delete(path),
        ):
            with pytest.raises(InvalidInputError):
                work()

    @pytest.mark.parametrize("mode", ["copy", "move"])
    def test_a_file_is_brought_in(
        self, storage: Storage, tmp_path: Path, mode: TransferMode
    ) -> None:
        """The source stays until the caller removes it; a digest sees every byte."""
        source = tmp_path / "source"
        source.write_bytes(b"content")
        digest = hashlib.sha256()
        file = storage.stage_file(source, "a/b", mode, digest)
        assert file.size_bytes == 7
        assert digest.digest() == hashlib.sha256(b"content").digest()
        storage.publish([file])
        source.unlink()
        assert storage.read("a/b") == b"content"

    @pytest.mark.parametrize("mode", ["hardlink", "symlink"])
    def test_a_link_is_made_where_that_can_be(
        self, storage: Storage, tmp_path: Path, mode: TransferMode
    ) -> None:
        """Elsewhere it is refused."""
        source = tmp_path / "source"
        source.write_bytes(b"content")
        if "links" not in storage.capabilities:
            with pytest.raises(InvalidInputError):
                storage.stage_file(source, "a/b", mode)
            return
        storage.publish([storage.stage_file(source, "a/b", mode)])
        with storage.reading("a/b") as local:
            assert local.samefile(source)

    def test_a_missing_source_leaves_what_was_there(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        """A file that cannot be brought in changes nothing."""
        storage.write("a", b"before")
        with pytest.raises(NotFoundError):
            storage.stage_file(tmp_path / "none", "a", "copy")
        assert storage.read("a") == b"before"

    def test_nothing_of_a_living_writer_is_abandoned(self, storage: Storage) -> None:
        """A repair leaves alone what is being written."""
        file = storage.stage("a/b", b"half")
        assert storage.abandoned() == []
        storage.publish([file])
        assert storage.abandoned() == []

    def test_a_root_has_one_owner(self, storage: Storage) -> None:
        """Two repositories in one root would take each other's files for remains."""
        assert owner_of(storage) is None
        claim(storage, "one")
        claim(storage, "one")
        assert owner_of(storage) == "one"
        with pytest.raises(ConflictError, match="one"):
            claim(storage, "two")
        assert owner_of(storage) == "one"
        assert list(storage.list_files()) == []
