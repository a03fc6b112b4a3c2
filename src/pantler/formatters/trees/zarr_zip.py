"""Trees as Zarr in one zip file: compressed chunks, each with a checksum."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Final

from pantler.errors import IntegrityError, PantlerError
from pantler.formatters.interface import Formatter
from pantler.formatters.trees.tree import Tree, wanted_arrays
from pantler.plugins import import_extra

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass

_MANIFEST: Final = "pantler_manifest"
_ROOT: Final = "data"
# What chunks may grow to: the best that their codes do in practice.
_MOST_RATIO: Final = 2000
_ALWAYS_ALLOWED_BYTES: Final = 1 << 28
_DAMAGED: Final = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,
    AttributeError,
    MemoryError,
    OverflowError,
    NotImplementedError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)


class ZarrFormatter(Formatter):
    """Dictionaries of arrays and plain values; the parameter ``keys`` names some."""

    extension = ".zarr.zip"

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Write a dictionary to a new file.

        Raises
        ------
        InvalidInputError
            If it holds what is neither an array nor plain.
        """
        zarr = import_extra("zarr", "zarr")
        tree = Tree.of(value)
        content: dict[str, Any] = {}
        store = zarr.storage.MemoryStore(content)
        root = zarr.create_group(store, attributes={_MANIFEST: tree.manifest})
        for name, array in tree.arrays.items():
            root.create_array(f"{_ROOT}/{name}", data=array)
        with zipfile.ZipFile(path, "w") as archive:
            for key in sorted(content):
                # A name and a date that are the same each time.
                info = zipfile.ZipInfo(key, date_time=(1980, 1, 1, 0, 0, 0))
                archive.writestr(info, content[key].to_bytes())

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the dictionary of a file."""
        zarr = import_extra("zarr", "zarr")
        keys = (parameters or {}).get("keys")
        try:
            store = zarr.storage.MemoryStore(_content(path, zarr))
            root = zarr.open_group(store, mode="r")
            manifest = root.attrs[_MANIFEST]
            wanted = wanted_arrays(manifest, keys)
            size = path.stat().st_size
            arrays = {name: _read(root[f"{_ROOT}/{name}"], size) for name in wanted}
        except PantlerError:
            raise
        except _DAMAGED as error:
            raise IntegrityError(f"Not a valid Zarr file: {error}.") from error
        return Tree(arrays, manifest).value(keys)


def _content(path: Path, zarr: Any) -> dict[str, Any]:
    """Return the members of a zip file, each compared with its checksum."""
    prototype = zarr.core.buffer.default_buffer_prototype()
    size = path.stat().st_size
    found: dict[str, Any] = {}
    with zipfile.ZipFile(path) as archive:
        total = sum(info.file_size for info in archive.infolist())
        if total > max(_ALWAYS_ALLOWED_BYTES, size):
            raise IntegrityError(
                f"The zip file announces {total} bytes and has {size}."
            )
        for info in archive.infolist():
            data = archive.read(info)
            found[info.filename] = prototype.buffer.from_bytes(data)
    return found


def _read(array: Any, file_bytes: int) -> Any:
    if array.nbytes > max(_ALWAYS_ALLOWED_BYTES, _MOST_RATIO * file_bytes):
        raise IntegrityError(
            f"An array announces {array.nbytes} bytes, and the file has {file_bytes}."
        )
    return array[...]
