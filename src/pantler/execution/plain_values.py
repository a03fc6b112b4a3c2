"""Plain values of anything that a task may leave: text and JSON that can be kept.

A task may raise an error whose ``__str__`` raises another, or note an object that
no format can hold. None of that may cost more than its own quantum.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

_LONGEST_TEXT: Final = 100_000
_DEEPEST: Final = 50
_LARGEST_INT: Final = 2**63


def plain_text(value: object) -> str:
    """Return ``str(value)`` as text that can be written as UTF-8.

    Lone surrogates are escaped, what is very long is cut, and an object without a
    working ``__str__`` is named by its class.
    """
    return _text(value, str)


def plain_repr(value: object) -> str:
    """Return ``repr(value)``, as `plain_text` does ``str(value)``."""
    return _text(value, repr)


def class_name(value: object) -> str:
    """Return the name of an object's class, whatever its metaclass does."""
    name: str = type.__dict__["__name__"].__get__(type(value))
    return plain_text(name)


def plain_value(value: object) -> Any:
    """Return a value as JSON can hold it.

    Numbers of numpy become plain ones, arrays and sets lists. What JSON cannot hold
    becomes its ``repr``: integers beyond 64 bits, other objects, what is nested very
    deeply.

    Examples
    --------
    >>> plain_value({"n": 2**70, 3: {1.5}, "z": 1j})
    {'n': '1180591620717411303424', '3': [1.5], 'z': '1j'}
    """
    try:
        return _plain(value, 0)
    except Exception:  # noqa: BLE001 - a border: methods of a task's objects run here
        return plain_repr(value)


def _plain(value: object, depth: int) -> Any:
    # Where nobody has imported it, no value is of it; commands start without it.
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        value = value.item()
    # Exact classes: a subclass may behave in any way.
    if value is None or type(value) in {bool, float}:
        return value
    if type(value) is str:
        return plain_text(value)
    if type(value) is int and -_LARGEST_INT <= value < _LARGEST_INT:
        return value
    if depth < _DEEPEST:
        if isinstance(value, Mapping):
            return {
                plain_text(key): _plain(held, depth + 1) for key, held in value.items()
            }
        if numpy is not None and isinstance(value, numpy.ndarray):
            value = value.tolist()
        if isinstance(value, Sequence | AbstractSet) and not isinstance(
            value, str | bytes | bytearray
        ):
            return [_plain(held, depth + 1) for held in value]
    return plain_repr(value)


def _text(value: object, convert: Any) -> str:
    try:
        text = str.__str__(convert(value))
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException:  # noqa: BLE001 - a border: __str__ of a task's objects
        text = f"<{class_name(value)}, whose text cannot be had>"
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]}… ({len(text)} characters)"
    return text.encode("utf-8", "backslashreplace").decode()
