"""What any formatter does: inherit `FormatterSuite` and give it fixtures."""

# A suite is made of asserts.
# ruff: noqa: S101, S311
from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.interface import BytesFormatter, Formatter
from pantler.storage.ranges import RangeFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass


class FormatterSuite:
    """The conformance suite of formatter plugins.

    Override the fixtures, and `same` where equality needs more than ``==``.

    Attributes
    ----------
    has_checksum
        Whether its files have one, so that all damage is told.
    """

    has_checksum: ClassVar[bool] = False

    @pytest.fixture
    def formatter(self) -> Formatter:
        """Return the formatter; override this."""
        raise NotImplementedError

    @pytest.fixture
    def storage_class(self) -> StorageClass:
        """Return a storage class that it writes; override this."""
        raise NotImplementedError

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        """Return objects of many kinds that it can write; override this."""
        raise NotImplementedError

    @pytest.fixture
    def unwritable(self) -> Sequence[Any]:
        """Return objects of the Python type that have no lossless form."""
        return ()

    @pytest.fixture
    def parameters(self) -> Mapping[str, Sequence[Any]]:
        """Return values of each parameter of the storage class for its first object."""
        return {}

    @pytest.fixture
    def damaged(self) -> Sequence[bytes]:
        """Return contents that are none of its files."""
        return (b"", b"\xff\xfe not one of ours \x00" * 100)

    def same(self, left: Any, right: Any) -> bool:
        """Whether two objects are equal in all that matters."""
        return type(left) is type(right) and bool(left == right)

    def test_the_extension_begins_with_a_dot(self, formatter: Formatter) -> None:
        """It is put behind a path."""
        assert formatter.extension.startswith(".")

    def test_objects_come_back_as_they_were(
        self,
        formatter: Formatter,
        storage_class: StorageClass,
        values: Sequence[Any],
        tmp_path: Path,
    ) -> None:
        """Nothing is lost between writing and reading."""
        for number, value in enumerate(values):
            path = tmp_path / f"{number}{formatter.extension}"
            formatter.write_file(value, path, storage_class)
            found = formatter.read_file(path, storage_class)
            assert isinstance(found, storage_class.load_type())
            assert self.same(found, value), f"{found!r} is not {value!r}"

    def test_a_path_may_hold_what_people_write(
        self,
        formatter: Formatter,
        storage_class: StorageClass,
        values: Sequence[Any],
        tmp_path: Path,
    ) -> None:
        """Libraries that see patterns or partitions in a path are kept from it."""
        folder = tmp_path / "a b" / "x=3" / "p*[q]?" / "c%20d"
        folder.mkdir(parents=True)
        path = folder / f"file{formatter.extension}"
        formatter.write_file(values[0], path, storage_class)
        assert self.same(formatter.read_file(path, storage_class), values[0])

    def test_the_same_object_gives_the_same_bytes(
        self,
        formatter: Formatter,
        storage_class: StorageClass,
        values: Sequence[Any],
        tmp_path: Path,
    ) -> None:
        """Nothing of clock, process or path is written."""
        for value in values:
            paths = [tmp_path / f"{name}{formatter.extension}" for name in "ab"]
            for path in paths:
                formatter.write_file(value, path, storage_class)
            assert paths[0].read_bytes() == paths[1].read_bytes()

    def test_bytes_and_files_are_the_same(
        self,
        formatter: Formatter,
        storage_class: StorageClass,
        values: Sequence[Any],
        tmp_path: Path,
    ) -> None:
        """A formatter of bytes writes the same into a file and into a pack."""
        if not isinstance(formatter, BytesFormatter):
            pytest.skip("this formatter writes files only")
        for value in values:
            path = tmp_path / f"file{formatter.extension}"
            formatter.write_file(value, path, storage_class)
            data = formatter.to_bytes(value, storage_class)
            assert data == path.read_bytes()
            assert self.same(formatter.from_bytes(data, storage_class), value)

    def test_every_component_can_be_read(
        self,
        formatter: Formatter,
        storage_class: StorageClass,
        values: Sequence[Any],
        tmp_path: Path,
    ) -> None:
        """A component is of its own storage class, or None where there is none."""
        for value in values:
            path = tmp_path / f"file{formatter.extension}"
            formatter.write_file(value, path, storage_class)
            for name in storage_class.components:
                found = formatter.read_file(path, storage_class, component=name)
                expected = storage_class.component(name).load_type()
                assert found is None or isinstance(found, expected)

    def test_what_would_be_lost_is_refused(
        self,
        formatter: Formatter,
        storage_class: StorageClass,
        unwritable: Sequence[Any],
        tmp_path: Path,
    ) -> None:
        """An object without a lossless form is an error of the caller."""
        for value in unwritable:
            path = tmp_path / f"file{formatter.extension}"
            with pytest.raises(InvalidInputError):
                formatter.write_file(value, path, storage_class)

    def test_damaged_files_are_told(
        self,
        formatter: Formatter,
        storage_class: StorageClass,
        damaged: Sequence[bytes],
        tmp_path: Path,
    ) -> None:
        """A file that is none of its own is an IntegrityError, whatever is in it."""
        path = tmp_path / f"file{formatter.extension}"
        for content in damaged:
            path.write_bytes(content)
            with pytest.raises(IntegrityError):
                formatter.read_file(path, storage_class)

    def test_every_parameter_is_understood(  # noqa: PLR0917 - fixtures
        self,
        formatter: Formatter,
        storage_class: StorageClass,
        values: Sequence[Any],
        parameters: Mapping[str, Sequence[Any]],
        tmp_path: Path,
    ) -> None:
        """A read with a parameter gives an object of the same type, from afar too."""
        path = tmp_path / f"file{formatter.extension}"
        formatter.write_file(values[0], path, storage_class)
        data = path.read_bytes()
        for name, choices in parameters.items():
            assert name in storage_class.parameters
            for choice in choices:
                asked = {name: choice}
                found = formatter.read_file(path, storage_class, parameters=asked)
                assert isinstance(found, storage_class.load_type())
                if formatter.reads_ranges:
                    file = RangeFile(lambda at, n: data[at : at + n], len(data))
                    again = formatter.read_ranges(file, storage_class, parameters=asked)
                    assert self.same(again, found)

    def test_a_file_that_is_cut_off_gives_no_foreign_error(
        self,
        formatter: Formatter,
        storage_class: StorageClass,
        values: Sequence[Any],
        tmp_path: Path,
    ) -> None:
        """Where the format can tell, it is an IntegrityError."""
        path = tmp_path / f"file{formatter.extension}"
        formatter.write_file(values[0], path, storage_class)
        whole = path.read_bytes()
        for part in (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
            path.write_bytes(whole[: int(len(whole) * part)])
            self._read_damaged(formatter, storage_class, path, values[0])
        path.write_bytes(whole[:-1])
        self._read_damaged(formatter, storage_class, path, values[0])

    def test_a_file_that_is_altered_gives_no_foreign_error(
        self,
        formatter: Formatter,
        storage_class: StorageClass,
        values: Sequence[Any],
        tmp_path: Path,
    ) -> None:
        """Bits flip, and bytes are overwritten; a checksum tells it."""
        path = tmp_path / f"file{formatter.extension}"
        formatter.write_file(values[0], path, storage_class)
        whole = path.read_bytes()
        choice = random.Random(len(whole))
        for number in range(60 if whole else 0):
            altered = bytearray(whole)
            place = choice.randrange(len(whole))
            if number % 3:
                altered[place : place + 1] = bytes([altered[place] ^ 1 << number % 8])
            else:
                altered[place : place + 8] = choice.randbytes(8)
            path.write_bytes(altered)
            self._read_damaged(formatter, storage_class, path, values[0])

    def _read_damaged(
        self, formatter: Formatter, storage_class: StorageClass, path: Path, value: Any
    ) -> None:
        try:
            found = formatter.read_file(path, storage_class)
        except IntegrityError:
            return
        if self.has_checksum:
            assert self.same(found, value)
