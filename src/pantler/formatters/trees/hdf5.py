"""Trees as HDF5: arrays by path, read one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pantler.errors import IntegrityError, PantlerError
from pantler.formatters.interface import Formatter
from pantler.formatters.trees.tree import Tree, digest, wanted_arrays
from pantler.plugins import import_extra

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass

_MANIFEST: Final = "pantler_manifest"
_BLOCK: Final = 512  # before HDF5 begins: a word of ours, and a checksum of the rest
_WORD: Final = b"pantler hdf5 blake2b:"
_DAMAGED: Final = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,
    AttributeError,
    MemoryError,
    OverflowError,
)


class Hdf5Formatter(Formatter):
    """Dictionaries of arrays and plain values; the parameter ``keys`` names some.

    The checksum of a file of ours is compared before HDF5's library sees it, which
    does not take well to damage.
    """

    extension = ".h5"

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Write a dictionary to a new file.

        Raises
        ------
        InvalidInputError
            If it holds what is neither an array nor plain.
        """
        h5py = import_extra("h5py", "hdf5")
        tree = Tree.of(value)
        with h5py.File(path, "w", userblock_size=_BLOCK) as file:
            for name, array in tree.arrays.items():
                file.create_dataset(f"data/{name}", data=array)
            said = np.frombuffer(tree.manifest.encode(), np.uint8)
            file.create_dataset(_MANIFEST, data=said)
        with path.open("r+b") as file:
            file.seek(_BLOCK)
            word = _WORD + digest(file.read()).encode()
            file.seek(0)
            file.write(word.ljust(_BLOCK, b"\0"))

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the dictionary of a file."""
        h5py = import_extra("h5py", "hdf5")
        keys = (parameters or {}).get("keys")
        _check(path)
        try:
            with h5py.File(path, "r") as file:
                manifest = file[_MANIFEST][()].tobytes().decode()
                wanted = wanted_arrays(manifest, keys)
                arrays = {name: file[f"data/{name}"][()] for name in wanted}
        except PantlerError:
            raise
        except _DAMAGED as error:
            raise IntegrityError(f"Not a valid HDF5 file: {error}.") from error
        return Tree(arrays, manifest).value(keys)


def _check(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(_BLOCK)
        if not head.startswith(_WORD):
            raise IntegrityError(
                "Not an HDF5 file that pantler wrote: it has no checksum in front."
            )
        found = digest(file.read()).encode()
    if head[len(_WORD) :].rstrip(b"\0") != found:
        raise IntegrityError("The HDF5 file has another checksum than was written.")
