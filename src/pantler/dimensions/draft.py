"""A universe as somebody wrote it: its parts, and all that is wrong with them.

A part that cannot be read is left out, so that the others are still looked at: who
writes a universe is told everything at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from pantler.dimensions.column import ColumnType
from pantler.dimensions.definition import (
    ColumnDefinition,
    ElementDefinition,
    SkyPixels,
    SkyPixelSystem,
    Topology,
    UniverseDefinition,
)
from pantler.dimensions.element import PixelScheme
from pantler.dimensions.sky.pixels import MAX_LEVEL
from pantler.errors import SettingsError, close_match, counted

if TYPE_CHECKING:
    from pantler.config.yaml_text import YamlDocument

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]

# Which model reads what stands below a key of another one.
_BELOW: Final[dict[str, type[BaseModel]]] = {
    "keys": ColumnDefinition,
    "metadata": ColumnDefinition,
    "systems": SkyPixelSystem,
}
_EXPECTED: Final = {
    "int_type": "a whole number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


@dataclass(slots=True)
class Draft:
    """What could be read of a universe.

    Attributes
    ----------
    document
        The text, which knows the lines.
    skypix, topology
        None if they cannot be read.
    elements
        Those that can be read.
    names
        The names of all elements, also of those that cannot.
    """

    document: YamlDocument
    skypix: SkyPixels | None = None
    topology: Topology | None = None
    elements: dict[str, ElementDefinition] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    _problems: dict[str, int] = field(default_factory=dict)

    def add(self, message: str, *path: str | int) -> None:
        """Note a problem, at the place to which keys and list positions lead."""
        line = self.document.line(*path) or 1
        self._problems.setdefault(f"line {line}: {message}", line)

    @property
    def has_problems(self) -> bool:
        """Whether anything is wrong so far."""
        return bool(self._problems)

    def refuse(self) -> None:
        """Complain if there are problems.

        Raises
        ------
        SettingsError
            With all of them, in the order of the text.
        """
        if not self._problems:
            return
        what = self.document.what
        found = sorted(self._problems, key=self._problems.__getitem__)
        if len(found) == 1:
            raise SettingsError(f"{what}, {found[0]}")
        lines = "\n".join(f"  - {problem}" for problem in found)
        raise SettingsError(f"{what} has {counted(len(found), 'problem')}:\n{lines}")

    def read(self) -> None:
        """Read all parts of the document.

        Raises
        ------
        SettingsError
            If it has no parts.
        """
        data = self.document.data
        if not isinstance(data, Mapping):
            raise self.document.error(
                "a universe is a mapping: 'namespace', 'version', 'skypix', 'elements'."
            )
        elements = data.get("elements")
        # Everything but the elements, so that what is unknown or missing is found.
        outline = {**data, "elements": {}} if "elements" in data else dict(data)
        whole = self._read_part(UniverseDefinition, outline, ())
        if whole is not None:
            self.skypix, self.topology = whole.skypix, whole.topology
        else:
            again = Draft(self.document)  # what is wrong with them is told already
            self.skypix = again._read_part(SkyPixels, data.get("skypix"), ())
            self.topology = again._read_part(Topology, data.get("topology", {}), ())
        if isinstance(elements, Mapping):
            self._read_elements(elements)
        elif "elements" in data:
            self.add("'elements' takes a mapping from names.", "elements")

    def pixel_names(self) -> tuple[str, ...]:
        """Return the names of all sky pixel dimensions, as far as they can be."""
        if self.skypix is None:
            return ()
        return tuple(
            f"{scheme}{level}"
            for scheme, system in self.skypix.systems.items()
            for level in range(min(system.max_level, MAX_LEVEL[scheme]) + 1)
        )

    def definition(self) -> UniverseDefinition:
        """Return the whole, once nothing is wrong."""
        return UniverseDefinition.model_validate(self.document.data)

    def _read_elements(self, elements: Mapping[Any, Any]) -> None:
        for name, written in elements.items():
            if not isinstance(name, str):
                self.add(
                    f"{name!r} ({type(name).__name__}) is not text, and names no "
                    "element.",
                    *("elements", name),
                )
                continue
            self.names.append(name)
            found = self._read_part(ElementDefinition, written, ("elements", name))
            if found is not None:
                self.elements[name] = found

    def _read_part(
        self, model: type[Model], written: object, path: Path
    ) -> Model | None:
        try:
            return model.model_validate(written)
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                within: Path = tuple(problem["loc"])
                self._add_unread(model, problem, path, within)
            return None

    def _add_unread(
        self, model: type[BaseModel], problem: Any, path: Path, within: Path
    ) -> None:
        """Note what pydantic says, in words of ours."""
        kind, given = problem["type"], problem["input"]
        if within and within[-1] == "[key]":
            within = within[:-1]
            self.add(_unknown_key(within), *path, *within)
            return
        owner = f"'{path[-1]}': " if path else ""
        name = within[-1] if within else ""
        if kind == "extra_forbidden":
            known = list(_model_at(model, within[:-1]).model_fields)
            text = f"{owner}'{name}' is not known here.{close_match(str(name), known)}"
        elif kind == "missing":
            text, within = f"{owner}'{name}' is missing.", within[:-1]
        elif kind == "literal_error":
            choices = get_args(ColumnType)
            text = (
                f"{owner}There is no type {given!r}, only {', '.join(choices)}."
                f"{close_match(str(given), choices)}"
            )
        else:
            label = f"'{name}' takes" if isinstance(name, str) and name else "here is"
            expected = _EXPECTED.get(kind, "something else")
            text = f"{owner}{label} {expected}, not {_short(given)}."
        self.add(text, *path, *within)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _unknown_key(within: Path) -> str:
    name = within[-1]
    if "systems" in within:
        known = get_args(PixelScheme)
        return (
            f"There are no sky pixels {name!r}, only {', '.join(known)}."
            f"{close_match(str(name), known)}"
        )
    return f"{name!r} ({type(name).__name__}) is not text, and names no family."


def _model_at(model: type[BaseModel], within: Path) -> type[BaseModel]:
    """Return the model of what stands at a path in a part."""
    for step in within:
        if step == "skypix":
            model = SkyPixels
        elif step == "topology":
            model = Topology
        elif isinstance(step, str) and step in _BELOW:
            model = _BELOW[step]
    return model
