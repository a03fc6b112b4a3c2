"""Path templates: where in a datastore a dataset lies.

A template is a path with fields in braces: ``run``, ``dataset_type``, ``id`` (the
UUID) and the dimensions of the dataset type, such as
``{run}/{dataset_type}/{day_obs?}/{instrument}_{visit:08d}_{detector}``. A field with
a question mark is left out where its value is not known; a folder that is left with
nothing is left out too. Each path ends with the UUID of its dataset, so that no two
datasets ever share one, whatever the template says; the formatter adds the extension.
"""

from __future__ import annotations

import functools
import re
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote

from pantler.errors import InvalidInputError, SettingsError, close_match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.ref import DatasetRef

_SPEC: Final = re.compile(r"0?\d{0,2}d?")
_LITERAL: Final = re.compile(r"[A-Za-z0-9._+=,@-]*")


@dataclass(frozen=True, slots=True)
class _Field:
    source: Literal["run", "dataset_type", "id", "dimension"]
    name: str
    index: int  # of the value in the data ID
    spec: str
    is_optional: bool


class PathTemplate:
    """A template, checked for one dataset type.

    Parameters
    ----------
    text
        The template.
    dataset_type
        Of the datasets to be placed.

    Raises
    ------
    SettingsError
        If the template has an unknown field, or is not a relative path.
    """

    def __init__(self, text: str, dataset_type: DatasetType) -> None:
        self.text = text
        self.dataset_type = dataset_type
        self._parts = tuple(
            tuple(self._parse(part)) for part in text.strip("/").split("/")
        )
        for part in self._parts:
            self._check_part(part)
        self._has_id = any(
            isinstance(item, _Field) and item.source == "id" for item in self._parts[-1]
        )

    def path(self, ref: DatasetRef) -> str:
        """Return the path of a dataset, without the extension.

        Raises
        ------
        SettingsError
            If the data ID lacks the value of a field that is not optional.
        """
        parts = [self._fill(part, ref) for part in self._parts]
        if not self._has_id:
            parts[-1] = f"{parts[-1]}_{ref.id}" if parts[-1] else str(ref.id)
        return "/".join([part for part in parts if part])

    def _fill(self, part: tuple[str | _Field, ...], ref: DatasetRef) -> str:
        text = ""
        for item in part:
            if isinstance(item, str):
                text += item
            elif item.source == "dimension":
                text += self._dimension(item, ref)
            elif item.source == "run":
                text += path_of_run(ref.run)
            elif item.source == "dataset_type":
                text += self.dataset_type.name
            else:
                text += str(ref.id)
        return text

    def _dimension(self, field: _Field, ref: DatasetRef) -> str:
        values = ref.data_id.values_
        if 0 <= field.index < len(values):
            value = values[field.index]
            if isinstance(value, str):
                return encode_part(value)
            return format(value, field.spec)
        if field.is_optional:
            return ""
        raise SettingsError(
            f"The path template '{self.text}' needs '{field.name}', which {ref} does "
            f"not hold. Write '{{{field.name}?}}' to leave it out then."
        )

    def _parse(self, part: str) -> Iterator[str | _Field]:
        try:
            pieces = list(string.Formatter().parse(part))
        except ValueError as error:
            raise self._error(f"cannot be understood: {error}") from None
        for literal, name, spec, conversion in pieces:
            if not _LITERAL.fullmatch(literal):
                raise self._error(
                    f"has '{literal}'; use letters, digits and . _ + = , @ -"
                )
            if literal:
                yield literal
            if name is not None:
                if conversion:
                    raise self._error(f"has '!{conversion}', which is not supported")
                yield self._field(name, spec or "")

    def _field(self, text: str, spec: str) -> _Field:
        name = text.removesuffix("?")
        is_optional = text.endswith("?")
        group = self.dataset_type.dimensions
        if name in {"run", "dataset_type", "id"}:
            if spec:
                raise self._error(f"has a format for '{name}', which is text")
            return _Field(name, name, -1, "", is_optional)  # type: ignore[arg-type]
        if name not in group:
            if is_optional and name in group.universe:
                return _Field("dimension", name, -1, "", is_optional)
            known = ("run", "dataset_type", "id", *group.names)
            raise self._error(
                f"has the field '{name}'; known: {', '.join(known)}."
                f"{close_match(name, known)}"
            )
        is_text = group.universe[name].primary_key.type != "int"
        if spec and (is_text or not _SPEC.fullmatch(spec)):
            raise self._error(
                f"has the format '{spec}' for '{name}'; only integers have one, "
                "such as '08d'"
            )
        return _Field("dimension", name, group.names.index(name), spec, is_optional)

    def _check_part(self, part: tuple[str | _Field, ...]) -> None:
        first = part[0] if part else ""
        if first == "" or (isinstance(first, str) and first.startswith(".")):
            raise self._error("has a part that is empty or begins with a dot")
        has_run = any(
            isinstance(item, _Field) and item.source == "run" for item in part
        )
        if has_run and len(part) > 1:
            raise self._error("must have '{run}' as a part of its own")

    def _error(self, what: str) -> SettingsError:
        return SettingsError(
            f"The path template '{self.text}' of dataset type "
            f"'{self.dataset_type.name}' {what}."
        )


def default_template(dataset_type: DatasetType) -> str:
    """Return the template of a dataset type for which none is set.

    A folder for each required dimension but the last, and a file name that says it
    all again: ``{run}/calexp/Demo/1/calexp_Demo_1_3``, to which the UUID is added.
    """
    fields = [f"{{{name}}}" for name in dataset_type.dimensions.required]
    name = "_".join(["{dataset_type}", *fields])
    return "/".join(["{run}", "{dataset_type}", *fields[:-1], name])


@functools.lru_cache(maxsize=4096)
def encode_part(text: str) -> str:
    """Return text as one part of a path: other characters percent-encoded.

    A dot in front is encoded too, so that no part is ``..`` or hidden.

    Raises
    ------
    InvalidInputError
        If it has surrogates that stand alone, which UTF-8 cannot hold.
    """
    try:
        quoted = quote(text, safe="+=,@")
    except UnicodeEncodeError:
        raise InvalidInputError(
            f"{text!a} cannot be a part of a path: it is not Unicode."
        ) from None
    quoted = quoted.replace("~", "%7E")
    if quoted.startswith("."):
        quoted = "%2E" + quoted[1:]
    return quoted or "%"


@functools.lru_cache(maxsize=256)
def path_of_run(run: str) -> str:
    """Return the folder of a run, in which each part of its name is one."""
    return "/".join(map(encode_part, run.split("/")))
