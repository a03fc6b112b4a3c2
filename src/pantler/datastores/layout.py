"""How a datastore lays out the datasets of each type: parts, formatters and paths."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pantler.datastores.constraints import Constraints
from pantler.datastores.templates import PathTemplate, default_template, encode_part
from pantler.errors import IntegrityError, InvalidInputError, SettingsError
from pantler.plugins import load_plugin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.ref import DatasetRef
    from pantler.datasets.storage_class import StorageClass, StorageClassDelegate
    from pantler.datastores.settings import FileDatastoreSettings
    from pantler.formatters.interface import Formatter


_Choice = TypeVar("_Choice")


@dataclass(frozen=True, slots=True)
class Part:
    """How a dataset as a whole, or one component of it, is written.

    Parameters
    ----------
    component
        Its name; empty for the whole.
    storage_class
        What it is.
    formatter_name, formatter
        What writes it; the name has the recipe, if there is one.
    """

    component: str
    storage_class: StorageClass
    formatter_name: str
    formatter: Formatter


@dataclass(frozen=True, slots=True)
class Plan:
    """What all datasets of one type have in common.

    Parameters
    ----------
    storage_class, python_type
        What they are.
    template
        Where they go.
    whole
        How one is written in one file.
    parts
        How one is written when it is taken apart; empty if it is not.
    delegate
        Takes it apart and puts it together; None if it is not taken apart.
    """

    storage_class: StorageClass
    python_type: type[Any]
    template: PathTemplate
    whole: Part
    parts: tuple[Part, ...] = ()
    delegate: StorageClassDelegate | None = None

    def converted(self, value: Any, ref: DatasetRef) -> Any:
        """Return an object of another type as one that can be written.

        Raises
        ------
        InvalidInputError
            If the storage class has nothing that converts it.
        """
        is_whole = self.delegate is None
        if is_whole and self.whole.formatter.takes(value, self.storage_class):
            return value
        return self.storage_class.convert(value, str(ref))

    def path(self, ref: DatasetRef, part: Part) -> str:
        """Return the path of a dataset or of a part of it."""
        stem = self.template.path(ref)
        if part.component:
            stem += f"_{encode_part(part.component)}"
        return stem + part.formatter.extension


class Layout:
    """The plans of all dataset types, made when they are first asked for.

    Parameters
    ----------
    settings
        Templates, formatters, and what is taken apart.

    Attributes
    ----------
    pack_below
        What is small, in bytes.
    """

    def __init__(self, settings: FileDatastoreSettings) -> None:
        self._settings = settings
        self._constraints = Constraints(settings)
        self.pack_below = settings.pack_below
        self._plans: dict[DatasetType, Plan] = {}

    def accepts(self, dataset_type: DatasetType) -> bool:
        """Whether new datasets of a type are taken."""
        return self._constraints.accepts(dataset_type)

    @property
    def named(self) -> frozenset[str]:
        """The formatters that the settings name."""
        return frozenset(self._settings.formatters.values())

    def plan(self, dataset_type: DatasetType) -> Plan:
        """Return the plan of a dataset type.

        Raises
        ------
        InvalidInputError
            If none are taken.
        SettingsError
            If a template or what is to be taken apart does not fit the type.
        PluginError
            If a formatter is not installed.
        """
        plan = self._plans.get(dataset_type)
        if plan is None:
            plan = self._plans[dataset_type] = self._make(dataset_type)
        return plan

    def _make(self, dataset_type: DatasetType) -> Plan:
        self._constraints.check(dataset_type)
        storage_class = dataset_type.load_storage_class()
        keys = (dataset_type.name, storage_class.name)
        template = _first(self._settings.templates, (*keys, "default"))
        plan = Plan(
            storage_class=storage_class,
            python_type=storage_class.load_type(),
            template=PathTemplate(
                template or default_template(dataset_type), dataset_type
            ),
            whole=self._part("", storage_class, keys),
        )
        if set(keys).isdisjoint(self._settings.take_apart):
            return plan
        delegate = storage_class.load_delegate()
        if delegate is None:
            raise SettingsError(
                f"Datasets of type '{dataset_type.name}' cannot be taken apart: "
                f"storage class '{storage_class.name}' has no delegate that does it."
            )
        parts = []
        for name in storage_class.components:
            component = storage_class.component(name)
            where = (f"{dataset_type.name}.{name}", component.name)
            parts.append(self._part(name, component, where))
        return Plan(
            plan.storage_class,
            plan.python_type,
            plan.template,
            plan.whole,
            tuple(parts),
            delegate,
        )

    def _part(
        self, component: str, storage_class: StorageClass, keys: Sequence[str]
    ) -> Part:
        name = _first(self._settings.formatters, keys) or storage_class.formatter
        refuse_code(name, self.named)
        recipe = _first(self._settings.recipes, keys)
        if recipe is None:
            return Part(component, storage_class, name, find_formatter(name))
        try:
            formatter = find_formatter(name).with_recipe(recipe)
        except InvalidInputError as error:
            raise SettingsError(
                f"Recipe of '{keys[0]}' in the settings: {error}"
            ) from None
        text = formatter.recipe.to_text() if formatter.recipe else ""
        return Part(component, storage_class, f"{name} {text}", formatter)


@functools.cache
def find_formatter(name: str) -> Formatter:
    """Return the formatter of a name; they hold no state, so one is enough.

    Parameters
    ----------
    name
        As in a record: of the plugin, and behind a blank the recipe by which it wrote.

    Raises
    ------
    PluginError
        If it is not installed.
    IntegrityError
        If the recipe is none of its own.
    """
    plugin, _, recipe = name.partition(" ")
    formatter = cast("Formatter", load_plugin("formatters", plugin)())
    if not recipe:
        return formatter
    try:
        return formatter.with_recipe(json.loads(recipe))
    except (InvalidInputError, ValueError, TypeError) as error:
        raise IntegrityError(f"The record's recipe is damaged: {error}") from None


def refuse_code(name: str, named: frozenset[str]) -> None:
    """Refuse a formatter that runs code, unless the settings of the repository name it.

    Raises
    ------
    SettingsError
        If they do not.
    """
    plugin = name.partition(" ")[0]
    if plugin not in named and find_formatter(name).runs_code:
        raise SettingsError(
            f"Formatter '{plugin}' runs what is in its files, and the settings of this "
            "repository do not name it. Who trusts all who write here sets "
            f"'formatters: {{TYPE: {plugin}}}' of the datastore in pantler.yaml."
        )


def _first(choices: Mapping[str, _Choice], keys: Sequence[str]) -> _Choice | None:
    return next((choices[key] for key in keys if key in choices), None)
