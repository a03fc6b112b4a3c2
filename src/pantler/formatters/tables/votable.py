"""Tables in VOTable, the format of the Virtual Observatory."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final
from xml.parsers.expat import ExpatError

from astropy.utils.exceptions import AstropyWarning

from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.tables.conversion import columns_of, table_as
from pantler.formatters.tables.formatter import TableFormatter
from pantler.formatters.tables.plain_table import columns_of_plain, plain_table
from pantler.formatters.tables.whole import part_of_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass

_MANIFEST: Final = "pantler_table"
_DAMAGED: Final = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    EOFError,
    RecursionError,
    ExpatError,
    SyntaxError,
    AssertionError,
)


class VoTableFormatter(TableFormatter):
    """Any table as a VOTable; of other files, the first table that they hold.

    References
    ----------
    .. [1] IVOA, VOTable Format Definition 1.4.
    """

    extension = ".vot"

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Write a table to a new file.

        Raises
        ------
        InvalidInputError
            If a column has a type that VOTable cannot hold.
        """
        from astropy.io.votable import from_table
        from astropy.io.votable.tree import Info

        plain = plain_table(columns_of(value), has_unicode=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", AstropyWarning)
                document = from_table(plain.table)
                document.infos.append(
                    Info(name=_MANIFEST, value=plain.manifest, ID=_MANIFEST)
                )
                document.to_xml(str(path), tabledata_format="binary2")
        except (ValueError, TypeError, LookupError) as error:
            raise InvalidInputError(
                f"Cannot be written as VOTable: {error}."
            ) from error

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the table, or its column names, from a file."""
        from astropy.io.votable import parse

        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            try:
                document = parse(file, verify="ignore")
                found = document.get_first_table().to_table(use_names_over_ids=True)
            except _DAMAGED as error:
                raise IntegrityError(f"Not a valid VOTable: {error}.") from error
        said = next((one for one in document.infos if one.name == _MANIFEST), None)
        if said is not None:
            found = table_as(columns_of_plain(found, said.value), "astropy")
        return part_of_table(found, storage_class, component, parameters)
