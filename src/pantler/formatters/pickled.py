"""Any Python object, by pickle: only where a repository's settings name it."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.interface import BytesFormatter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.datasets.storage_class import StorageClass


class PickleFormatter(BytesFormatter):
    """Python objects of every kind.

    Reading one runs what its writer has put into it: a repository whose settings do
    not name ``pickle`` neither writes nor reads any.
    """

    extension = ".pickle"
    runs_code = True

    def to_bytes(self, value: Any, storage_class: StorageClass) -> bytes:  # noqa: ARG002 - interface
        """Return the bytes of an object.

        Raises
        ------
        InvalidInputError
            If it cannot be pickled.
        """
        try:
            return pickle.dumps(value, protocol=5)
        except Exception as error:
            raise InvalidInputError(
                f"A {type(value).__qualname__} cannot be pickled: "
                f"{type(error).__name__}: {error}."
            ) from error

    def from_bytes(
        self,
        data: bytes,
        storage_class: StorageClass,
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the object."""
        try:
            value = pickle.loads(data)  # noqa: S301 - the settings of a repository decide
        except Exception as error:
            raise IntegrityError(
                f"Cannot be unpickled: {type(error).__name__}: {error}."
            ) from error
        if not isinstance(value, storage_class.load_type()):
            raise IntegrityError(
                f"A {type(value).__qualname__} was pickled, where storage class "
                f"'{storage_class.name}' has a {storage_class.python_type}."
            )
        return value
