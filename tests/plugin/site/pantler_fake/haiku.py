"""A type of one's own, its storage class and its formatter."""

from __future__ import annotations

from dataclasses import dataclass

from pantler.datasets.storage_class import StorageClass
from pantler.formatters.interface import BytesFormatter


@dataclass(frozen=True)
class Haiku:
    """Three lines."""

    lines: tuple[str, str, str]


HAIKU = StorageClass(
    "Haiku", "pantler_fake.haiku.Haiku", "haiku", components={"first": "Text"}
)


class HaikuFormatter(BytesFormatter):
    """Lines of UTF-8."""

    extension = ".haiku"

    def to_bytes(self, value, storage_class):
        del storage_class
        return "\n".join(value.lines).encode()

    def from_bytes(self, data, storage_class, *, component=None, parameters=None):
        del storage_class, parameters
        lines = data.decode().split("\n")
        return lines[0] if component == "first" else Haiku(tuple(lines))
