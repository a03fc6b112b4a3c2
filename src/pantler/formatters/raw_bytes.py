"""Bytes as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pantler.formatters.interface import BytesFormatter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.datasets.storage_class import StorageClass


class RawBytesFormatter(BytesFormatter):
    """Bytes, of which nothing is known."""

    extension = ".bin"

    def to_bytes(self, value: Any, storage_class: StorageClass) -> bytes:  # noqa: ARG002 - interface
        """Return the bytes."""
        return bytes(value)

    def from_bytes(
        self,
        data: bytes,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the bytes."""
        return data
