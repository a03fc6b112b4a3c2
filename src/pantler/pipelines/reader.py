"""The YAML form of pipelines: what its keys are, and how files are read."""

from __future__ import annotations

import datetime as dt
import os.path
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pantler.config.yaml_text import YamlDocument
from pantler.errors import NotFoundError, PipelineError, close_match
from pantler.pipelines.definition import (
    PARAMETER,
    Layer,
    LayeredTask,
    PipelineDefinition,
)
from pantler.pipelines.location import find_file, read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KEYS: Final = (
    "description",
    "instrument",
    "imports",
    "parameters",
    "tasks",
    "subsets",
)
_TASK_KEYS: Final = ("class", "config", "needs")
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CLASS_PATH: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*[.:][^\W\d]\w*")
_SUBSET: Final = re.compile(r"[\w.-]+")
_PLAIN: Final = (str, int, float, dt.date, type(None))
_MOST_IMPORTS: Final = 50
"""How many files deep imports may go."""


def read_definition(text: str | bytes, where: str) -> PipelineDefinition:
    """Return what YAML text and the files that it imports define.

    Parameters
    ----------
    text
        The document.
    where
        Its path, for messages and for what it imports.

    Raises
    ------
    PipelineError
        If it is not a valid pipeline; the message names the line.
    NotFoundError
        If a file that it imports is not there.
    """
    return _Reader().read(text, where, above=(os.path.realpath(where),))


class _Reader:
    """Reads a file and those that it imports, each once."""

    def __init__(self) -> None:
        self._known: dict[str, PipelineDefinition] = {}

    def read(
        self, text: str | bytes, where: str, above: tuple[str, ...]
    ) -> PipelineDefinition:
        file = _File(YamlDocument(text, where, error=PipelineError))
        imported = []
        for place, entry in enumerate(file.imports()):
            definition = self._imported(file, entry.location, place, above)
            imported.append(file.cut(definition, entry, place))
        return file.definition(imported)

    def _imported(
        self, file: _File, location: str, place: int, above: tuple[str, ...]
    ) -> PipelineDefinition:
        try:
            path = find_file(location, file.where)
        except NotFoundError as error:
            at = file.at("imports", place)
            raise NotFoundError(f"{at}: {error}") from None
        # The same file can have many paths: through links, or with '..' in them.
        identity = os.path.realpath(str(path))
        if identity in above:
            chain = " → ".join([*above, identity])
            raise file.error(f"'{path}' imports itself: {chain}.", "imports", place)
        if len(above) > _MOST_IMPORTS:
            raise file.error(
                f"Imports go more than {_MOST_IMPORTS} files deep.", "imports", place
            )
        if identity not in self._known:
            chain_below = (*above, identity)
            self._known[identity] = self.read(read_file(path), str(path), chain_below)
        return self._known[identity]


@dataclass(frozen=True, slots=True)
class _Import:
    """One import as written; None where nothing was said."""

    location: str
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None


class _File:
    """One pipeline file, checked as it is read."""

    def __init__(self, document: YamlDocument) -> None:
        self._document = document
        self.where = document.what
        self.at = document.at
        self.error = document.error
        if not isinstance(document.data, dict):
            raise self.error("A pipeline is a mapping with 'description' and 'tasks'.")
        self._refuse_unknown(document.data, _KEYS)

    def imports(self) -> list[_Import]:
        """Return what this file imports, in order."""
        entries = self._document.data.get("imports")
        if entries is None:
            return []
        if not isinstance(entries, list):
            entries = [entries]
        return [self._import(value, place) for place, value in enumerate(entries)]

    def _import(self, value: object, place: int) -> _Import:
        if isinstance(value, str):
            return _Import(value)
        path = ("imports", place)
        if not isinstance(value, dict) or not isinstance(value.get("location"), str):
            raise self.error(
                "An import is a path, or a mapping with 'location'.", *path
            )
        self._refuse_unknown(value, ("location", "include", "exclude"), *path)
        return _Import(
            value["location"],
            *(
                self._names(value.get(key), *path, key)
                for key in ("include", "exclude")
            ),
        )

    def _names(self, value: object, *path: str | int) -> tuple[str, ...] | None:
        """Return one name or several; None if nothing was said."""
        if value is None:
            return None
        names = value if isinstance(value, list) else [value]
        if not names or not all(isinstance(name, str) for name in names):
            raise self.error(
                f"'{path[-1]}' takes a label or a subset, or a list of them.", *path
            )
        return tuple(names)

    def cut(
        self, definition: PipelineDefinition, entry: _Import, place: int
    ) -> PipelineDefinition:
        """Keep the tasks that an import includes and does not exclude."""
        wanted = set(definition.tasks)
        if entry.include is not None:
            wanted = self._members(definition, entry.include, place, "include")
        if entry.exclude is not None:
            wanted -= self._members(definition, entry.exclude, place, "exclude")
        return definition.cut(wanted)

    def _members(
        self,
        definition: PipelineDefinition,
        names: tuple[str, ...],
        place: int,
        key: str,
    ) -> set[str]:
        labels: set[str] = set()
        known = [*definition.tasks, *definition.subsets]
        for name in names:
            if name not in known:
                raise self.error(
                    f"'{key}' names '{name}', which the imported pipeline does not "
                    f"have.{close_match(name, known)}",
                    "imports",
                    place,
                    key,
                )
            labels.update(definition.members(name))
        return labels

    def definition(self, imported: Iterable[PipelineDefinition]) -> PipelineDefinition:
        """Return what this file defines over what it imports."""
        data = self._document.data
        description = data.get("description")
        if not isinstance(description, str) or not description.strip():
            raise self.error("'description' is missing: say what the pipeline is for.")
        instrument = data.get("instrument")
        if instrument is not None and not isinstance(instrument, str):
            raise self.error("'instrument' takes the name of one.", "instrument")
        below = self._joined(imported, instrument)
        tasks = {**below.tasks, **self._tasks(below.tasks)}
        if not tasks:
            raise self.error("The pipeline has no tasks: add 'tasks: {label: class}'.")
        subsets = {**below.subsets, **self._subsets(tasks)}
        self._refuse_names_of_both(tasks, subsets)
        return PipelineDefinition(
            description=description.strip(),
            instrument=below.instrument,
            tasks=tasks,
            subsets=subsets,
            parameters={**below.parameters, **self._parameters()},
        )

    def _joined(
        self, imported: Iterable[PipelineDefinition], instrument: str | None
    ) -> PipelineDefinition:
        """Join what is imported; of parameters, later imports win."""
        joined = PipelineDefinition("", instrument, {}, {}, {})
        for place, other in enumerate(imported):
            instruments = {joined.instrument, other.instrument} - {None}
            if instrument is None and len(instruments) > 1:
                raise self.error(
                    f"One import is for instrument '{joined.instrument}', another for "
                    f"'{other.instrument}'. Say here which, with 'instrument'.",
                    "imports",
                    place,
                )
            for label in joined.tasks.keys() & other.tasks.keys():
                if joined.tasks[label] != other.tasks[label]:
                    raise self.error(
                        f"Task '{label}' comes from two imports, with different "
                        "definitions. Exclude it from one.",
                        "imports",
                        place,
                    )
            for name in joined.subsets.keys() & other.subsets.keys():
                members = (set(joined.subsets[name]), set(other.subsets[name]))
                if members[0] != members[1] and name not in self._mapping("subsets"):
                    raise self.error(
                        f"Subset '{name}' comes from two imports, with different "
                        "tasks. Define it in this file.",
                        "imports",
                        place,
                    )
            joined = PipelineDefinition(
                description="",
                instrument=joined.instrument or other.instrument,
                tasks={**joined.tasks, **other.tasks},
                subsets={**joined.subsets, **other.subsets},
                parameters={**joined.parameters, **other.parameters},
            )
        return joined

    def _parameters(self) -> dict[str, Any]:
        parameters = self._mapping("parameters")
        for name, value in parameters.items():
            if not isinstance(name, str) or not name:
                raise self.error(
                    f"'{name}' cannot be the name of a parameter: use text.",
                    "parameters",
                    str(name),
                )
            self._refuse_not_plain(value, "parameters", name, names_allowed=False)
        return parameters

    def _tasks(self, imported: Mapping[str, LayeredTask]) -> dict[str, LayeredTask]:
        found: dict[str, LayeredTask] = {}
        for label, value in self._mapping("tasks").items():
            path = ("tasks", str(label))
            if not isinstance(label, str) or not _LABEL.fullmatch(label):
                raise self.error(
                    f"'{label}' cannot be a label: use letters, digits and "
                    "underscores, not beginning with a digit.",
                    *path,
                )
            entry = {"class": value} if isinstance(value, str) else value
            if not isinstance(entry, dict):
                raise self.error(
                    f"Task '{label}' takes 'package.module.Class' or a mapping with "
                    "'class', 'config' and 'needs'.",
                    *path,
                )
            self._refuse_unknown(entry, _TASK_KEYS, *path)
            found[label] = self._task(label, entry, imported.get(label))
        return found

    def _task(
        self, label: str, entry: Mapping[str, Any], imported: LayeredTask | None
    ) -> LayeredTask:
        path = ("tasks", label)
        task_path = entry.get("class", imported.task_path if imported else None)
        if not isinstance(task_path, str) or not _CLASS_PATH.fullmatch(task_path):
            raise self.error(
                f"Task '{label}' needs a 'class: package.module.Class'.", *path
            )
        if imported and task_path != imported.task_path:
            raise self.error(
                f"Task '{label}' is a {task_path} here and a {imported.task_path} in "
                "the imported pipeline. Exclude it there, or choose another label.",
                *path,
            )
        layer = Layer(
            self._values(entry, *path, "config"),
            self._values(entry, *path, "needs"),
            self._document,
        )
        below = imported.layers if imported else ()
        return LayeredTask(label, task_path, (*below, layer))

    def _values(self, entry: Mapping[str, Any], *path: str) -> dict[str, Any]:
        values = entry.get(path[-1])
        if values is None:
            return {}
        if not isinstance(values, dict):
            raise self.error(f"'{path[-1]}' takes a mapping.", *path)
        self._refuse_not_plain(values, *path)
        return {str(key): value for key, value in values.items()}

    def _refuse_not_plain(
        self, value: object, *path: str | int, names_allowed: bool = True
    ) -> None:
        """Refuse what a configuration cannot hold: sets, bytes, and keys of those."""
        if isinstance(value, dict):
            for key, inner in value.items():
                if not isinstance(key, str | int | float):
                    raise self.error(f"{key!r} cannot be a key here: use text.", *path)
                self._refuse_not_plain(
                    inner, *path, str(key), names_allowed=names_allowed
                )
        elif isinstance(value, list):
            for place, inner in enumerate(value):
                self._refuse_not_plain(inner, *path, place, names_allowed=names_allowed)
        elif not isinstance(value, _PLAIN):
            raise self.error(
                f"A {type(value).__name__} cannot stand here: use numbers, texts, "
                "dates, lists and mappings.",
                *path,
            )
        elif not names_allowed and str(value).startswith(PARAMETER):
            raise self.error(
                f"'{value}' stands for no value here: parameters do not refer to "
                "one another.",
                *path,
            )

    def _subsets(self, tasks: Mapping[str, LayeredTask]) -> dict[str, tuple[str, ...]]:
        found = {}
        for name, labels in self._mapping("subsets").items():
            path = ("subsets", str(name))
            if not isinstance(name, str) or not _SUBSET.fullmatch(name):
                raise self.error(
                    f"'{name}' cannot be the name of a subset: use letters, digits, "
                    "'_', '-' and '.'.",
                    *path,
                )
            if not isinstance(labels, list) or not labels:
                raise self.error(f"Subset '{name}' takes a list of task labels.", *path)
            for place, label in enumerate(labels):
                if not isinstance(label, str) or label not in tasks:
                    raise self.error(
                        f"Subset '{name}' names task '{label}', which does not exist."
                        f"{close_match(str(label), tasks)}",
                        *path,
                        place,
                    )
            found[name] = tuple(labels)
        return found

    def _refuse_names_of_both(
        self, tasks: Mapping[str, object], subsets: Mapping[str, object]
    ) -> None:
        for name in subsets:
            if name in tasks:
                section = next(
                    (s for s in ("subsets", "tasks") if name in self._mapping(s)),
                    "imports",
                )
                raise self.error(
                    f"'{name}' is the name of a subset and the label of a task: choose "
                    "another for one of them.",
                    section,
                    name,
                )

    def _refuse_unknown(
        self, data: Mapping[Any, Any], known: tuple[str, ...], *path: str | int
    ) -> None:
        for key in data:
            if key not in known:
                raise self.error(
                    f"There is no key '{key}'.{close_match(str(key), known)} "
                    f"Keys: {', '.join(known)}.",
                    *path,
                    str(key),
                )

    def _mapping(self, section: str) -> dict[Any, Any]:
        value = self._document.data.get(section)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.error(f"'{section}' takes a mapping.", section)
        return value
