"""Trees as ASDF: YAML that people can read, and arrays in blocks behind it."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any, Final

import yaml

from pantler.config.yaml_text import check_yaml
from pantler.errors import IntegrityError, PantlerError
from pantler.formatters.interface import Formatter
from pantler.formatters.trees.tree import Tree, digest
from pantler.plugins import import_extra

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass

_TREE: Final = "pantler"
_MAGIC: Final = b"#ASDF "
_END: Final = b"\n...\n"
_MARK: Final = b"\n# pantler blake2b:"
_DAMAGED: Final = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,
    AttributeError,
    MemoryError,
    OverflowError,
    EOFError,
    RecursionError,
    AssertionError,
    NotImplementedError,
    yaml.YAMLError,
    Warning,
)


class AsdfFormatter(Formatter):
    """Dictionaries of arrays and plain values; the parameter ``keys`` names some."""

    extension = ".asdf"

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Write a dictionary to a new file.

        Raises
        ------
        InvalidInputError
            If it holds what is neither an array nor plain.
        """
        asdf = import_extra("asdf", "asdf")
        tree = Tree.of(value)
        content = {"manifest": tree.manifest, "arrays": dict(tree.arrays)}
        made = io.BytesIO()
        asdf.AsdfFile({_TREE: content}).write_to(
            made, all_array_storage="internal", include_block_index=False
        )
        data = made.getvalue()
        path.write_bytes(data + _MARK + digest(data).encode())

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the dictionary of a file."""
        asdf = import_extra("asdf", "asdf")
        data = _checked(path.read_bytes())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with asdf.open(
                    io.BytesIO(data),
                    lazy_load=False,
                    memmap=False,
                    validate_checksums=True,
                ) as file:
                    content = file[_TREE]
                    manifest = str(content["manifest"])
                    arrays = {
                        name: array[...].copy()
                        for name, array in content["arrays"].items()
                    }
        except PantlerError:
            raise
        except _DAMAGED as error:
            raise IntegrityError(f"Not a valid ASDF file: {error}.") from error
        return Tree(arrays, manifest).value((parameters or {}).get("keys"))


def _checked(data: bytes) -> bytes:
    """Return the file without its checksum, which is compared before it is read."""
    content, mark, said = data.rpartition(_MARK)
    if not mark or not content.startswith(_MAGIC):
        raise IntegrityError(
            "Not an ASDF file that pantler wrote: it has no checksum at its end."
        )
    if digest(content).encode() != said:
        raise IntegrityError("The ASDF file has another checksum than was written.")
    end = content.find(_END)
    text = content[: max(end, 0)].decode("utf-8", "replace")
    check_yaml(text, "The tree of the file", error=IntegrityError, most_repeated=1000)
    return content
