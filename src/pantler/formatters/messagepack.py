"""Plain Python values as MessagePack: small, quick, and with bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.interface import BytesFormatter
from pantler.plugins import import_extra

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.datasets.storage_class import StorageClass


class MsgpackFormatter(BytesFormatter):
    """Dictionaries and lists, of text, bytes, numbers, truth values and None.

    Numbers of numpy become plain ones and tuples lists.
    """

    extension = ".msgpack"

    def to_bytes(self, value: Any, storage_class: StorageClass) -> bytes:  # noqa: ARG002 - interface
        """Return the bytes of a value.

        Raises
        ------
        InvalidInputError
            If a part of it is not plain, or a whole number has over 64 bits.
        """
        return pack(value)

    def from_bytes(
        self,
        data: bytes,
        storage_class: StorageClass,
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the value of some bytes."""
        value = unpack(data)
        if not isinstance(value, storage_class.load_type()):
            raise IntegrityError(
                f"The MessagePack holds a {type(value).__qualname__}, where storage "
                f"class '{storage_class.name}' has a {storage_class.python_type}."
            )
        return value


def pack(value: object) -> bytes:
    """Return a plain value as MessagePack.

    Raises
    ------
    InvalidInputError
        If a part of it is not plain.
    """
    msgpack = import_extra("msgpack", "msgpack")
    try:
        packed: bytes = msgpack.packb(value, strict_types=True, default=_plain)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidInputError(
            f"Cannot be written as MessagePack: {error}. Use dictionaries, lists, "
            "text, bytes, numbers of up to 64 bits, truth values and None."
        ) from None
    return packed


def unpack(data: bytes) -> Any:
    """Return the value of MessagePack.

    Raises
    ------
    IntegrityError
        If it is none.
    """
    msgpack = import_extra("msgpack", "msgpack")
    try:
        return msgpack.unpackb(data, strict_map_key=False, raw=False)
    except (
        ValueError,
        TypeError,
        RecursionError,
        MemoryError,
        msgpack.UnpackException,
    ) as error:
        raise IntegrityError(f"Not valid MessagePack: {error}.") from None


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, np.generic):
        plain: object = value.item()
        if isinstance(plain, bool | int | float | str | bytes):
            return plain
    if type(value) is not dict and isinstance(value, dict):
        return dict(value)
    raise TypeError(f"a {type(value).__qualname__} is not a plain value")
