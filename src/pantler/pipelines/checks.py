"""Whether the tasks of a pipeline agree on the datasets between them.

Each check is a function from what the tasks declare to problems, a sentence each
that names the labels of all tasks that take part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.datasets.storage_class import get_storage_class
from pantler.errors import PantlerError, close_match
from pantler.tasks.connections import Output, PrerequisiteInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pantler.datasets.dataset_type import DatasetType
    from pantler.pipelines.uses import DeclaredTask, Use

AUTOMATIC = ("log", "metadata", "config")
"""Endings of the dataset types that every task makes besides its outputs."""


def check_tasks(tasks: Sequence[DeclaredTask]) -> list[str]:
    """Return what is wrong with single tasks, whatever the others are."""
    problems: list[str] = []
    for task in tasks:
        problems += _outputs_beyond_the_quantum(task)
        problems += _taken_and_made(task)
    return problems


def _outputs_beyond_the_quantum(task: DeclaredTask) -> Iterator[str]:
    for use in task.uses.values():
        connection = use.connection
        if (
            isinstance(connection, Output)
            and not connection.multiple
            and not use.dimensions <= task.dimensions
        ):
            extra = [n for n in use.dimensions.names if n not in task.dimensions]
            yield (
                f"Task '{task.label}' has dimensions {task.dimensions!r} and makes "
                f"'{use.dataset_type}' with {use.dimensions!r} (connection "
                f"'{use.name}'): one quantum does not fix {', '.join(extra)}. Add "
                "them to the task, or declare the output with multiple=True."
            )


def _taken_and_made(task: DeclaredTask) -> Iterator[str]:
    made = {use.dataset_type: use for use in task.uses.values() if use.makes}
    for use in task.uses.values():
        if not use.makes and use.dataset_type in made:
            yield (
                f"Task '{task.label}' both takes '{use.dataset_type}' (connection "
                f"'{use.name}') and makes it (connection "
                f"'{made[use.dataset_type].name}'). Name one of them otherwise."
            )


def check_dataset(
    name: str, uses: Sequence[Use], owners: Mapping[str, str]
) -> list[str]:
    """Return in what the uses of one dataset type contradict one another.

    Parameters
    ----------
    name
        Of the dataset type.
    uses
        Every connection to it, in the order of the pipeline.
    owners
        Labels of tasks by the dataset types that are made for them automatically.
    """
    if name in owners:
        return [
            f"'{name}' is made for task '{owners[name]}' automatically, and no task of "
            f"the same pipeline can take or make it: {_all(uses)}."
        ]
    producers = [use for use in uses if use.makes]
    problems: list[str] = []
    if len(producers) > 1:
        problems.append(
            f"'{name}' is made by more than one connection: {_all(producers)}. Give "
            "them different names with the configuration key 'connections.NAME'."
        )
    problems += _kinds(name, uses)
    problems += _pairs(name, uses, "dimensions", lambda use: use.dimensions)
    wholes = [use for use in uses if use.component is None]
    problems += _storage_class_pairs(name, wholes)
    calibrations = [
        u for u in uses if isinstance(u.connection, Output | PrerequisiteInput)
    ]
    problems += _pairs(name, calibrations, "values of is_calibration", is_calibration)
    return problems


def is_calibration(use: Use) -> bool:
    """Whether a connection says that its datasets have validity ranges."""
    connection = use.connection
    return (
        isinstance(connection, Output | PrerequisiteInput) and connection.is_calibration
    )


def _all(uses: Iterable[Use]) -> str:
    return ", ".join(map(str, uses))


def _kinds(name: str, uses: Sequence[Use]) -> Iterator[str]:
    """Refuse mixtures: of prerequisites with others, of init with others."""
    prerequisites = [use for use in uses if use.is_prerequisite]
    others = [use for use in uses if not use.is_prerequisite]
    makers = [use for use in others if use.makes]
    if prerequisites and makers:
        yield (
            f"'{name}' is a prerequisite of {_all(prerequisites)}, so it must exist "
            f"before the pipeline runs; but {_all(makers)} makes it. Declare it an "
            "Input there, or run the two in separate pipelines."
        )
    elif prerequisites and others:
        yield (
            f"'{name}' is a prerequisite of {_all(prerequisites)} and a plain input "
            f"of {_all(others)}. Declare it one or the other in both."
        )
    init = [use for use in others if use.is_init]
    plain = [use for use in uses if not use.is_init]
    if init and plain:
        yield (
            f"'{name}' belongs to the constructor of {_all(init)}, and to the quanta "
            f"of {_all(plain)}. Declare both as init connections, or neither."
        )


def can_use(use: Use, kept: str) -> bool:
    """Whether a task can use a dataset type of a storage class through a connection.

    It can if they are the same, or one can be converted to the other: what is kept to
    what the task takes, or what it makes to what is kept.
    """
    if use.connection.storage_class == kept:
        return True
    try:
        ours = get_storage_class(use.connection.storage_class)
        theirs = get_storage_class(kept)
    except PantlerError:
        return False
    return theirs.can_take(ours) if use.makes else ours.can_take(theirs)


def _storage_class_pairs(name: str, uses: Sequence[Use]) -> Iterator[str]:
    decider = whole_use(uses)
    if decider is None:
        return
    kept = decider.connection.storage_class
    others = [use for use in uses if not can_use(use, kept)]
    for text in _pairs(
        name,
        [decider, *others],
        "storage classes",
        lambda use: use.connection.storage_class,
    ):
        yield f"{text[:-1]}, and the one cannot be converted to the other."


def _pairs(
    name: str, uses: Sequence[Use], what: str, value: Callable[[Use], object]
) -> Iterator[str]:
    """Compare each use with the one that decides: the producer, or the first."""
    if not uses:
        return
    first = next((use for use in uses if use.makes), uses[0])
    for use in uses:
        if use is not first and value(use) != value(first):
            verb = "makes" if first.makes else "takes"
            other = "makes" if use.makes else "takes"
            yield (
                f"'{name}' has two different {what}: {first} {verb} it with "
                f"{value(first)}, {use} {other} it with {value(use)}."
            )


def check_components(
    by_type: Mapping[str, Sequence[Use]], parents: Mapping[str, str]
) -> list[str]:
    """Return which components the storage classes of their parents do not have.

    Parameters
    ----------
    by_type
        All connections by dataset type.
    parents
        Names of storage classes by dataset type, where one is known.
    """
    problems: list[str] = []
    for name, uses in by_type.items():
        parts = [use for use in uses if use.component is not None]
        parent = parents.get(name)
        if parent is None:
            problems += [
                f"{_start(use)} takes component '{use.component}' of '{name}', whose "
                "own storage class no task of the pipeline and no registered dataset "
                "type tells."
                for use in parts
            ]
            continue
        teller = whole_use(uses)
        whole = f"'{name}' is a {parent} of {teller or 'the repository'}"
        for use in parts:
            problems += _component_problems(use, parent, whole)
    return problems


def whole_use(uses: Iterable[Use]) -> Use | None:
    """Return the use that says what a dataset is: the producer's, else the first."""
    wholes = [use for use in uses if use.component is None]
    return next((use for use in wholes if use.makes), wholes[0] if wholes else None)


def _component_problems(use: Use, parent: str, whole: str) -> Iterator[str]:
    try:
        components = get_storage_class(parent).components
    except PantlerError as error:
        yield f"{_start(use)} takes '{use.connection.name}'; {whole}: {error}"
        return
    component = use.component or ""
    if component not in components:
        known = ", ".join(components) or "none"
        yield (
            f"{_start(use)} takes component '{component}'; {whole}, which has no such "
            f"component (it has: {known}).{close_match(component, components)}"
        )
    elif not can_use(use, components[component]):
        yield (
            f"{_start(use)} takes '{use.connection.name}' as "
            f"{use.connection.storage_class}; {whole}, of which that component is a "
            f"{components[component]}."
        )


def _start(use: Use) -> str:
    return f"Task '{use.label}' (connection '{use.name}')"


def describe_mismatch(
    ours: DatasetType, theirs: DatasetType, labels: Sequence[str]
) -> str | None:
    """Return how a pipeline's dataset type differs from the registered one."""
    differences = []
    pairs: list[tuple[str, object, object]] = [
        ("dimensions", ours.dimensions, theirs.dimensions),
        ("storage class", ours.storage_class, theirs.storage_class),
        ("is_calibration", ours.is_calibration, theirs.is_calibration),
    ]
    for what, mine, other in pairs:
        if mine != other:
            differences.append(f"{what} {mine} here and {other} there")
    if not differences:
        return None
    tasks = ", ".join(f"'{label}'" for label in labels)
    return (
        f"'{ours.name}' ({'task' if len(labels) == 1 else 'tasks'} {tasks}) differs "
        f"from the registered dataset type: {'; '.join(differences)}."
    )
