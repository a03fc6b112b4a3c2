"""Data classes and pydantic models: as JSON, YAML or MessagePack."""

from __future__ import annotations

import json
from abc import abstractmethod
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError, ValidationError

from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.interface import BytesFormatter
from pantler.formatters.messagepack import pack, unpack
from pantler.formatters.plain import YamlFormatter

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from pantler.datasets.storage_class import StorageClass


class ModelFormatter(BytesFormatter):
    """Objects of a data class or a pydantic model, by their fields.

    What is written is read and compared at once: an object that would not come back
    the same is refused. Components of the storage class are fields.
    """

    @abstractmethod
    def encode(self, fields: Any) -> bytes:
        """Return plain values as bytes."""

    @abstractmethod
    def decode(self, data: bytes) -> Any:
        """Return the plain values of bytes; IntegrityError if they are none."""

    def to_bytes(self, value: Any, storage_class: StorageClass) -> bytes:
        """Return the bytes of an object.

        Raises
        ------
        InvalidInputError
            If a field has no plain form from which it comes back.
        """
        adapter = _adapter(storage_class)
        try:
            data = self.encode(
                adapter.dump_python(value, mode="json", warnings="error")
            )
            back = adapter.validate_python(self.decode(data))
        except (
            PydanticSerializationError,
            ValidationError,
            IntegrityError,
            ValueError,
            TypeError,
            RecursionError,
        ) as error:
            raise InvalidInputError(
                f"A {type(value).__qualname__} cannot be written by its fields: "
                f"{' '.join(str(error).split())}"
            ) from None
        # What is NaN is not equal to itself, and looks the same.
        if type(back) is not type(value) or not (
            back == value or repr(back) == repr(value)
        ):
            raise InvalidInputError(
                f"The {type(value).__qualname__} would not come back the same: "
                f"{value!r:.200} would be {back!r:.200}. Give its fields exact types."
            )
        return data

    def from_bytes(
        self,
        data: bytes,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the object, or one of its fields."""
        try:
            value = _adapter(storage_class).validate_python(self.decode(data))
        except (ValidationError, ValueError, TypeError, RecursionError) as error:
            if isinstance(error, IntegrityError):
                raise
            raise IntegrityError(
                f"Not a {storage_class.python_type}: {' '.join(str(error).split())}"
            ) from None
        return value if component is None else getattr(value, component)


class ModelJsonFormatter(ModelFormatter):
    """By their fields, as JSON."""

    extension = ".json"

    def encode(self, fields: Any) -> bytes:
        """Return JSON."""
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()

    def decode(self, data: bytes) -> Any:
        """Return the values of JSON."""
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise IntegrityError(f"Not valid JSON: {error}.") from None


class ModelYamlFormatter(ModelFormatter):
    """By their fields, as YAML that people can read and edit."""

    extension = ".yaml"

    def encode(self, fields: Any) -> bytes:
        """Return YAML."""
        return YamlFormatter.encode(fields)

    def decode(self, data: bytes) -> Any:
        """Return the values of YAML."""
        return YamlFormatter.decode(data)


class ModelMsgpackFormatter(ModelFormatter):
    """By their fields, as MessagePack."""

    extension = ".msgpack"

    def encode(self, fields: Any) -> bytes:
        """Return MessagePack."""
        return pack(fields)

    def decode(self, data: bytes) -> Any:
        """Return the values of MessagePack."""
        return unpack(data)


def _adapter(storage_class: StorageClass) -> TypeAdapter[Any]:
    return _adapter_of(cast("Hashable", storage_class.load_type()))


@cache
def _adapter_of(python_type: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(python_type)
    except (PydanticUserError, NameError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise InvalidInputError(
            f"{python_type.__qualname__} cannot be written by its fields: {reason}"
        ) from None
