"""Sky maps as JSON: their kind and their settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pantler.datasets.storage_class import StorageClass
from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.interface import BytesFormatter
from pantler.skymaps.interface import SkyMap, make_sky_map

if TYPE_CHECKING:
    from collections.abc import Mapping

SKY_MAP: Final = StorageClass(
    name="SkyMap",
    python_type="pantler.skymaps.interface.SkyMap",
    formatter="skymap",
)


class SkyMapFormatter(BytesFormatter):
    """Writes sky maps of every installed kind."""

    extension: ClassVar[str] = ".json"

    def to_bytes(
        self,
        value: SkyMap,
        storage_class: StorageClass,  # noqa: ARG002 - there is one only
    ) -> bytes:
        """Return JSON text."""
        return json.dumps(value.to_dict(), indent=1).encode()

    def from_bytes(
        self,
        data: bytes,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> SkyMap:
        """Return the sky map.

        Raises
        ------
        IntegrityError
            If the bytes are not a JSON object.
        InvalidInputError
            If a component or a parameter is asked for.
        """
        if component is not None or parameters:
            raise InvalidInputError(
                f"A {storage_class} is read whole: it has neither components nor "
                "parameters."
            )
        try:
            definition = json.loads(data)
        except ValueError as error:
            raise IntegrityError(f"A stored sky map is not JSON: {error}.") from error
        if not isinstance(definition, dict):
            raise IntegrityError("A stored sky map is not a JSON object.")
        return make_sky_map(definition)
