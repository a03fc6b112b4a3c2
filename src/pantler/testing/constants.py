"""Constants of bound queries, as the suites of registries write them."""

from __future__ import annotations

from pantler.queries.tree import Constant


def integer(value: int) -> Constant:
    """Return an integer."""
    return Constant(value, "int")


def text(value: str) -> Constant:
    """Return text."""
    return Constant(value, "string")
