"""Formatters of plain Python values: JSON, YAML and text."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import yaml

from pantler.config.yaml_text import MOST_NESTED, load_yaml
from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.interface import BytesFormatter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.datasets.storage_class import StorageClass

_LINE_ENDS: Final = re.compile("[\x85\u2028\u2029]")


class JsonFormatter(BytesFormatter):
    """Dictionaries and lists as JSON (RFC 8259), UTF-8.

    Numbers of numpy become plain ones and tuples lists. NaN and the infinities are
    written as ``NaN``, ``Infinity`` and ``-Infinity``, as Python's ``json`` does and
    strict readers do not: to lose them, or a quantum for them, would be worse.
    """

    extension = ".json"

    def to_bytes(self, value: Any, storage_class: StorageClass) -> bytes:  # noqa: ARG002 - interface
        """Return JSON text of a value.

        Raises
        ------
        InvalidInputError
            If a part of it cannot be written, or a key is not text; says which.
        """
        try:
            _check_keys(value)
            return _encode_json(value).encode()
        except (TypeError, ValueError, RecursionError) as error:
            place = _unwritable(value, "")
            raise InvalidInputError(
                f"Cannot be written as JSON: {place or error}. "
                "Use dictionaries with text keys, lists, text, numbers, truth values "
                "and None; of an array, its tolist()."
            ) from None

    def from_bytes(
        self,
        data: bytes,
        storage_class: StorageClass,
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the value of JSON text."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise IntegrityError(f"Not valid JSON: {error}.") from None
        return _checked(value, storage_class, "JSON")


class YamlFormatter(BytesFormatter):
    """Dictionaries and lists as YAML 1.1, UTF-8; numbers of numpy become plain ones."""

    extension = ".yaml"

    def to_bytes(self, value: Any, storage_class: StorageClass) -> bytes:  # noqa: ARG002 - interface
        """Return YAML text of a value.

        Raises
        ------
        InvalidInputError
            If a part of it is neither plain nor a number of numpy.
        """
        return self.encode(value)

    def from_bytes(
        self,
        data: bytes,
        storage_class: StorageClass,
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the value of YAML text."""
        return _checked(self.decode(data), storage_class, "YAML")

    @staticmethod
    def encode(value: object) -> bytes:
        """Return YAML text of a plain value."""
        try:
            _refuse_deep(value)
            text: str = yaml.dump(
                value, Dumper=_Dumper, sort_keys=False, allow_unicode=True
            )
            return text.encode()
        except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
            raise InvalidInputError(
                f"Cannot be written as YAML: {_one_line(error)}. "
                "Use dictionaries, lists, text, numbers, truth values, dates and None."
            ) from None

    @staticmethod
    def decode(data: bytes) -> object:
        """Return the plain value of YAML text."""
        return load_yaml(
            data, "The file", error=IntegrityError, most_repeated=sys.maxsize
        )


class TextFormatter(BytesFormatter):
    """Text as UTF-8, with its line ends as they are."""

    extension = ".txt"

    def to_bytes(self, value: Any, storage_class: StorageClass) -> bytes:  # noqa: ARG002 - interface
        """Return the text's bytes.

        Raises
        ------
        InvalidInputError
            If the text has surrogates that stand alone, which UTF-8 cannot hold.
        """
        try:
            encoded: bytes = value.encode()
        except UnicodeEncodeError as error:
            raise InvalidInputError(f"Cannot be written as UTF-8: {error}.") from None
        return encoded

    def from_bytes(
        self,
        data: bytes,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the text."""
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise IntegrityError(f"Not valid UTF-8: {error}.") from None


def _plain(value: object) -> object:
    """Return a number of numpy as one of Python."""
    if isinstance(value, np.generic):
        plain: object = value.item()
        # A long double's item is itself.
        if not isinstance(plain, np.generic | bytes | complex):
            return plain
    raise TypeError(f"a {type(value).__qualname__} is not a plain value")


_encode_json = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), default=_plain
).encode


def _check_keys(value: object) -> None:
    """Refuse keys that JSON would silently turn into text."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is not text")
            if isinstance(item, dict | list | tuple):
                _check_keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, dict | list | tuple):
                _check_keys(item)


def _unwritable(value: object, place: str) -> str:
    """Return where the first part is that JSON cannot hold, and what it is."""
    if isinstance(value, dict):
        wrong = next((key for key in value if not isinstance(key, str)), None)
        if wrong is not None:
            return f"the key {wrong!r} in '{place or '.'}' is not text"
        parts = [(f"{place}.{key}" if place else key, value[key]) for key in value]
    elif isinstance(value, list | tuple):
        parts = [(f"{place}[{index}]", item) for index, item in enumerate(value)]
    else:
        try:
            _encode_json(value).encode()
        except (TypeError, ValueError):
            return f"'{place}' is {value!r:.60} ({type(value).__qualname__})"
        return ""
    try:
        return next(filter(None, (_unwritable(item, at) for at, item in parts)), "")
    except RecursionError:
        return "it is nested too deeply, or holds itself"


class _Dumper(yaml.SafeDumper):
    pass


def _refuse_deep(value: object) -> None:
    """Refuse what could not be read again: values in too many others, or in themselves.

    A value that stands in several places is looked into once for each depth.
    """
    todo = [(value, 1)] if isinstance(value, dict | list | tuple) else []
    met: set[tuple[int, int]] = set()
    while todo:
        container, depth = todo.pop()
        if depth > MOST_NESTED:
            raise ValueError(
                f"it is nested more than {MOST_NESTED} deep, or holds itself"
            )
        parts = container.values() if isinstance(container, dict) else container
        for part in parts:
            if isinstance(part, dict | list | tuple):
                seen = (id(part), depth)
                if seen not in met:
                    met.add(seen)
                    todo.append((part, depth + 1))


def _represent_number(dumper: yaml.SafeDumper, value: np.generic) -> yaml.Node:
    node: yaml.Node = dumper.represent_data(_plain(value))
    return node


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    # PyYAML writes these line ends of Unicode as they are, and reads them as blanks.
    style = '"' if _LINE_ENDS.search(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _represent_text)
# The stubs of YAML have no room for an abstract class.
_Dumper.add_multi_representer(np.generic, _represent_number)  # type: ignore[type-abstract]
_Dumper.add_multi_representer(dict, yaml.SafeDumper.represent_dict)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _checked(value: object, storage_class: StorageClass, what: str) -> object:
    if not isinstance(value, storage_class.load_type()):
        raise IntegrityError(
            f"The {what} holds a {type(value).__qualname__}, where storage class "
            f"'{storage_class.name}' has a {storage_class.python_type}."
        )
    return value
