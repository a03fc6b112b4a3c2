"""The YAML form of pipelines: what its keys are, and how it is read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pantler.config.yaml_text import YamlDocument
from pantler.errors import PipelineError, close_match
from pantler.pipelines.location import find_file
from pantler.pipelines.task_definition import TaskDefinition
from pantler.tasks.config import flatten

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS: Final = (
    "description",
    "instrument",
    "imports",
    "parameters",
    "tasks",
    "subsets",
)
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PARAMETER: Final = "parameters."


def read_definition(
    text: str | bytes, where: str, *, above: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the fields of a `Pipeline` from YAML text.

    Parameters
    ----------
    text
        The document.
    where
        Its path, for messages and for what it imports.
    above
        The files that import this one, outermost first.

    Raises
    ------
    PipelineError
        If it is no valid pipeline; the message names the line.
    """
    source = YamlDocument(text, where, error=PipelineError)
    data = source.data
    if not isinstance(data, dict):
        raise source.error("A pipeline is a mapping with 'description' and 'tasks'.")
    _refuse_unknown(source, data, _KEYS)
    description = data.get("description")
    if not isinstance(description, str) or not description.strip():
        raise source.error("'description' is missing: say what the pipeline is for.")
    instrument = data.get("instrument")
    if instrument is not None and not isinstance(instrument, str):
        raise source.error("'instrument' takes the name of one.", "instrument")
    tasks: dict[str, TaskDefinition] = {}
    subsets: dict[str, tuple[str, ...]] = {}
    for imported in _imports(source, above):
        instrument = instrument or imported["instrument"]
        tasks |= _without_conflict(source, tasks, imported["tasks"])
        subsets |= imported["subsets"]
    tasks |= _tasks(source, tasks)
    if not tasks:
        raise source.error("The pipeline has no tasks: add 'tasks: {label: class}'.")
    subsets |= _subsets(source, tasks)
    return {
        "description": description.strip(),
        "instrument": instrument,
        "tasks": tuple(tasks.values()),
        "subsets": subsets,
    }


def _refuse_unknown(
    source: YamlDocument,
    data: Mapping[Any, Any],
    known: tuple[str, ...],
    *path: str | int,
) -> None:
    for key in data:
        if key not in known:
            raise source.error(
                f"There is no key '{key}'.{close_match(str(key), known)} "
                f"Keys: {', '.join(known)}.",
                *path,
                str(key),
            )


def _mapping(source: YamlDocument, *path: str) -> dict[Any, Any]:
    value: Any = source.data
    for key in path:
        value = value.get(key)
        if value is None:
            return {}
    if not isinstance(value, dict):
        raise source.error(f"'{path[-1]}' takes a mapping.", *path)
    return value


def _tasks(
    source: YamlDocument, imported: Mapping[str, TaskDefinition]
) -> dict[str, TaskDefinition]:
    parameters = _mapping(source, "parameters")
    found: dict[str, TaskDefinition] = {}
    for label, value in _mapping(source, "tasks").items():
        path = ("tasks", str(label))
        if not isinstance(label, str) or not _LABEL.fullmatch(label):
            raise source.error(
                f"'{label}' cannot be a label: use letters, digits and underscores, "
                "not beginning with a digit.",
                *path,
            )
        entry = {"class": value} if isinstance(value, str) else value
        if not isinstance(entry, dict):
            raise source.error(
                f"Task '{label}' takes 'package.module.Class' or a mapping with "
                "'class' and 'config'.",
                *path,
            )
        _refuse_unknown(source, entry, ("class", "config"), *path)
        found[label] = _task(
            source, label, entry, imported=imported.get(label), parameters=parameters
        )
    return found


def _task(
    source: YamlDocument,
    label: str,
    entry: Mapping[str, Any],
    *,
    imported: TaskDefinition | None,
    parameters: Mapping[str, Any],
) -> TaskDefinition:
    task_path = entry.get("class", imported.task_path if imported else None)
    if not isinstance(task_path, str):
        raise source.error(
            f"Task '{label}' needs a 'class: package.module.Class'.", "tasks", label
        )
    if imported and task_path != imported.task_path:
        raise source.error(
            f"Task '{label}' is a {task_path} here and a {imported.task_path} in the "
            "imported pipeline. Exclude it there, or choose another label.",
            "tasks",
            label,
        )
    config = _mapping(source, "tasks", label, "config") if "config" in entry else {}
    values = {
        str(key): _with_parameters(
            source, value, parameters, "tasks", label, "config", str(key)
        )
        for key, value in config.items()
    }
    return (imported or TaskDefinition(label, task_path)).overlaid(flatten(values))


def _with_parameters(
    source: YamlDocument, value: Any, parameters: Mapping[str, Any], *path: str | int
) -> Any:
    """Put the values of parameters in place of their names."""
    if isinstance(value, dict):
        return {
            key: _with_parameters(source, inner, parameters, *path, str(key))
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [
            _with_parameters(source, inner, parameters, *path, place)
            for place, inner in enumerate(value)
        ]
    if not isinstance(value, str) or not value.startswith(_PARAMETER):
        return value
    name = value.removeprefix(_PARAMETER)
    if name not in parameters:
        known = ", ".join(map(str, parameters)) or "none"
        raise source.error(
            f"There is no parameter '{name}' (there is: {known})."
            f"{close_match(name, map(str, parameters))}",
            *path,
        )
    return parameters[name]


def _subsets(
    source: YamlDocument, tasks: Mapping[str, TaskDefinition]
) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, labels in _mapping(source, "subsets").items():
        path = ("subsets", str(name))
        if name in tasks:
            raise source.error(f"'{name}' is the label of a task already.", *path)
        if not isinstance(labels, list) or not labels:
            raise source.error(f"Subset '{name}' takes a list of task labels.", *path)
        for place, label in enumerate(labels):
            if label not in tasks:
                raise source.error(
                    f"Subset '{name}' names task '{label}', which there is not."
                    f"{close_match(str(label), tasks)}",
                    *path,
                    place,
                )
        found[str(name)] = tuple(labels)
    return found


def _imports(source: YamlDocument, above: tuple[str, ...]) -> list[dict[str, Any]]:
    """Read the files that are imported, each cut to what is wanted of it."""
    entries = source.data.get("imports") or []
    if not isinstance(entries, list):
        entries = [entries]
    chain = (*above, source.what)
    found = []
    for place, value in enumerate(entries):
        entry = {"location": value} if isinstance(value, str) else value
        if not isinstance(entry, dict) or not isinstance(entry.get("location"), str):
            raise source.error(
                "An import is a path, or a mapping with 'location'.", "imports", place
            )
        _refuse_unknown(
            source, entry, ("location", "include", "exclude"), "imports", place
        )
        file = find_file(entry["location"], source.what)
        if str(file) in chain:
            raise source.error(
                f"'{file}' imports itself: {' → '.join([*chain, str(file)])}.",
                "imports",
                place,
            )
        fields = read_definition(file.read_bytes(), str(file), above=chain)
        found.append(_cut(source, entry, fields, place))
    return found


def _cut(
    source: YamlDocument, entry: Mapping[str, Any], fields: dict[str, Any], place: int
) -> dict[str, Any]:
    """Keep the tasks that an import includes and does not exclude."""
    subsets = fields["subsets"]
    labels = {task.label for task in fields["tasks"]}
    named: dict[str, set[str]] = {}
    for key in ("include", "exclude"):
        names = entry.get(key) or []
        named[key] = set()
        for name in [names] if isinstance(names, str) else names:
            if name not in subsets and name not in labels:
                raise source.error(
                    f"'{key}' names '{name}', which the imported pipeline has not."
                    f"{close_match(str(name), [*labels, *subsets])}",
                    "imports",
                    place,
                    key,
                )
            named[key].update(subsets.get(name, (name,)))
    wanted = (named["include"] or labels) - named["exclude"]
    kept = {
        name: tuple(label for label in members if label in wanted)
        for name, members in subsets.items()
    }
    return {
        "instrument": fields["instrument"],
        "tasks": {t.label: t for t in fields["tasks"] if t.label in wanted},
        "subsets": {name: members for name, members in kept.items() if members},
    }


def _without_conflict(
    source: YamlDocument,
    tasks: Mapping[str, TaskDefinition],
    imported: Mapping[str, TaskDefinition],
) -> Mapping[str, TaskDefinition]:
    for label in imported:
        if label in tasks and tasks[label] != imported[label]:
            raise source.error(
                f"Task '{label}' comes from two imports. Exclude it from one.",
                "imports",
            )
    return imported
