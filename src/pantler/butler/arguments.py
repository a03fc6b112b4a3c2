"""Arguments of what users call: of the wrong Python type, they get a sentence."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Final, ParamSpec, TypeVar
from uuid import UUID

from pantler.butler.file_dataset import FileDataset
from pantler.config.settings import RepositorySettings
from pantler.datasets.collection import Collection, CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.ref import DatasetRef
from pantler.dimensions.records import DimensionRecord
from pantler.dimensions.timespan import Timespan
from pantler.dimensions.universe import DimensionGroup, Universe
from pantler.errors import InvalidInputError

Facade = TypeVar("Facade")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_TYPES: Final = ", ".join(one.name for one in CollectionType)
_CLASSES: Final[Mapping[str, tuple[str, tuple[type, ...]]]] = {
    "None": ("None", (type(None),)),
    "str": ("text", (str,)),
    "bool": ("True or False", (bool,)),
    "bytes": ("16 bytes", (bytes,)),
    "PathLike": ("a path", (PathLike,)),
    "UUID": ("a UUID", (UUID,)),
    "Collection": ("a Collection", (Collection,)),
    "CollectionType": (
        "a CollectionType (RUN, TAGGED, CHAINED, CALIBRATION)",
        (CollectionType,),
    ),
    "DatasetType": ("a DatasetType", (DatasetType,)),
    "DatasetRef": ("a DatasetRef", (DatasetRef,)),
    "DimensionGroup": ("a DimensionGroup", (DimensionGroup,)),
    "DimensionRecord": ("a DimensionRecord", (DimensionRecord,)),
    "FileDataset": ("a FileDataset", (FileDataset,)),
    "RepositorySettings": ("RepositorySettings", (RepositorySettings,)),
    "Timespan": ("a Timespan", (Timespan,)),
    "Universe": ("a Universe", (Universe,)),
    "TransferMode": ("text", (str,)),
    "OnConflict": ("text", (str,)),
    "Mapping": ("a mapping such as {'visit': 3}", (Mapping,)),
}
_SEVERAL: Final = {"Sequence", "Iterable", "tuple"}
_ALIASES: Final[Mapping[str, str]] = {
    "TypePatterns": "Iterable[str | DatasetType]",
    "Names": "str | Collection | Iterable[str | Collection]",
    "Datasets": "DatasetRef | UUID | str | bytes | Iterable[DatasetRef | UUID | str"
    " | bytes]",
    "Rows": "Iterable[Mapping]",
    "Framed": "Iterable[object]",
}
_LOOKED_THROUGH: Final = (list, tuple, set, frozenset)  # not a generator, nor a frame
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class Check:
    """What an argument may be.

    Parameters
    ----------
    words
        For people.
    classes
        Of which it may be.
    several
        What each of its items may be, if it may be iterated over; None if not.
    """

    words: str
    classes: tuple[type, ...]
    several: Check | None = None

    def accepts(self, value: object) -> bool:
        """Whether an argument is of the right type."""
        if isinstance(value, self.classes):
            return True
        if self.several is None or isinstance(value, str | bytes | Mapping):
            return False
        if isinstance(value, _LOOKED_THROUGH):
            return all(map(self.several.accepts, value))
        # Frames, and the results of queries, are looked into later.
        kinds = ("to_polars", "__arrow_c_stream__", "collect_schema", "colnames")
        return hasattr(type(value), "__iter__") or any(
            hasattr(value, kind) for kind in kinds
        )


_ANYTHING: Final = Check("anything", (object,))


def check_of(annotation: str) -> Check | None:
    """Return the check of an annotation; None if anything will do, or is not known."""
    text = _ALIASES.get(annotation, annotation)
    words: list[str] = []
    classes: list[type] = []
    several: Check | None = None
    for part in re.split(r" \| (?![^\[]*\])", text):
        name, _, inner = part.partition("[")
        if name in _ALIASES or name in _SEVERAL:
            inner = _ALIASES.get(name, part).partition("[")[2]
            item = inner.removesuffix("]").removesuffix(", ...")
            several = _ANYTHING if several else check_of(item) or _ANYTHING
        elif name in _CLASSES:
            said, found = _CLASSES[name]
            words.append(said)
            classes.extend(found)
        else:
            return None
    options = list(dict.fromkeys(words))
    if annotation.startswith("Rows"):
        options.append("a list of mappings or a frame (polars, Arrow, pandas, astropy)")
    elif several is _ANYTHING:
        options.append("several, in a list or a frame")
    elif several is not None:
        options.append(f"several, each {several.words}")
    *first, last = options
    return Check(
        f"{', '.join(first)} or {last}" if first else last, tuple(classes), several
    )


def checked(facade: type[Facade]) -> type[Facade]:
    """Have all public methods of a class check their arguments: a class decorator."""
    for name, member in list(vars(facade).items()):
        if inspect.isfunction(member) and not name.startswith("_"):
            setattr(facade, name, checking(member))
    return facade


def checking(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return a function that first checks its arguments by their annotations.

    What has no annotation of a known kind, and what stands for ``**keys``, is taken
    as it is.
    """
    parameters = inspect.signature(function).parameters.values()
    checks = {
        parameter.name: check_of(str(parameter.annotation))
        for parameter in parameters
        if parameter.kind is not parameter.VAR_KEYWORD
    }
    ordered = tuple(checks.items())
    # What comes after the last before *more is one of these.
    several = [n for n, p in enumerate(parameters) if p.kind is p.VAR_POSITIONAL]
    name = function.__name__

    @functools.wraps(function)
    def with_check(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        expected = ordered
        if several:
            expected = (*ordered[: several[0]], *ordered[several[0] :][:1] * len(args))
        for value, (parameter, check) in zip(args, expected, strict=False):
            # The class by itself is what nearly always decides, without a call.
            if check is None or isinstance(value, check.classes):
                continue
            if not check.accepts(value):
                raise _refusal(name, parameter, value, check)
        for parameter, value in kwargs.items():
            check = checks.get(parameter)
            if check is not None and not check.accepts(value):
                raise _refusal(name, parameter, value, check)
        return function(*args, **kwargs)

    return with_check


def _refusal(
    function: str, parameter: str, value: object, check: Check
) -> InvalidInputError:
    given = repr(value)
    if len(given) > _LONGEST:
        given = f"{given[:_LONGEST]}…"
    return InvalidInputError(
        f"'{parameter}' of {function}() is {given}, of type {type(value).__name__}. "
        f"Give {check.words}."
    )
