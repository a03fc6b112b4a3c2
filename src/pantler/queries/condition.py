"""Conditions as people state them: text, bound values and data IDs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantler.errors import DataIdError, InvalidInputError, close_match
from pantler.queries.binding import bind, combine, data_id_predicate
from pantler.queries.conditions import Conditions
from pantler.queries.foreign import listed_values
from pantler.queries.parser import parse
from pantler.queries.query import Query
from pantler.queries.syntax import Place, names_in
from pantler.queries.tree import Constant, RecordField

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import Universe
    from pantler.queries.runner import QueryRunner
    from pantler.queries.syntax import Node
    from pantler.queries.tree import Predicate


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """What must hold, before its names have a meaning.

    Parameters
    ----------
    syntax
        The tree of an expression; None if there is none.
    parameters
        Values that it can name.
    data_id
        Values, by dimension or ``element.field``.
    """

    syntax: Node | None
    parameters: Mapping[str, object]
    data_id: Mapping[str, object]

    @classmethod
    def stated(
        cls,
        conditions: tuple[str | Mapping[str, object], ...],
        bound: Mapping[str, object] | None,
        values: Mapping[str, object],
        universe: Universe,
    ) -> tuple[Condition, ...]:
        """Return the conditions of a call of ``where``.

        Parameters
        ----------
        conditions
            Expressions, and data IDs.
        bound
            Values that the expressions name.
        values
            Values that the expressions name; and values of dimensions that they do not
            name as ``:dimension``, or of fields of their records.
        universe
            The dimensions.

        Raises
        ------
        QuerySyntaxError
            If an expression leaves the grammar.
        InvalidInputError
            If a value is neither named in an expression nor that of a dimension.
        """
        trees = [parse(text) for text in conditions if isinstance(text, str)]
        named = frozenset().union(*(names_in(tree) for tree in trees if tree))
        if not isinstance(bound, Mapping | None):
            raise InvalidInputError(
                "'bind' is a mapping from names to values, such as {'best': [3, 5]}, "
                f"not {bound!r}."
            )
        parameters = dict(bound or {})
        data_ids: list[Mapping[str, object]] = []
        for each in conditions:
            if isinstance(each, Mapping):
                data_ids.append(dict(each))
            elif not isinstance(each, str):
                raise InvalidInputError(
                    f"A condition is an expression or a data ID, not {each!r}."
                )
        data_id: dict[str, object] = {}
        for name in itertools.chain(parameters, *data_ids):
            if not isinstance(name, str):
                raise InvalidInputError(f"The name of a value is text, not {name!r}.")
        for name, value in values.items():
            is_dimension = name in universe and universe[name].is_dimension
            if f":{name}" in named or (name in named and not is_dimension):
                parameters[name] = value
            elif is_dimension or _is_field(name, universe):
                data_id[name] = value
            else:
                raise InvalidInputError(
                    f"'{name}' is neither named in the expression nor a dimension."
                    f"{close_match(name, universe.elements)}"
                )
        said = [cls(tree, parameters, {}) for tree in trees if tree is not None]
        # Each by itself: what one says, another does not replace.
        return (*said, *(cls(None, {}, one) for one in (*data_ids, data_id) if one))

    def meant(self, query: Query) -> Predicate | None:
        """Return the condition with names that mean what they do in a query.

        Raises
        ------
        QuerySyntaxError
            If a name is unknown or a type does not fit.
        DataIdError
            If a key of the data ID is unknown or its value has the wrong type.
        """
        universe = query.dimensions.universe
        written = bind(
            self.syntax,
            universe,
            dataset_types=query.dataset_types,
            parameters=self.parameters,
            dimensions=query.dimensions,
            tables=query.tables,
        )
        if not self.data_id:
            return written
        said = data_id_predicate(self.data_id, universe, query.dimensions)
        return combine(written, said)


def refuse_digits(
    conditions: Iterable[Condition], runner: QueryRunner, universe: Universe
) -> None:
    """Refuse text of digits for an integer dimension that no record has as its name.

    Text stands for a name. Numbers from a file of text are easily taken for one; the
    query would find nothing. Only for such text is anything looked up.

    Raises
    ------
    DataIdError
        If there is such text.
    """
    for condition in conditions:
        for name, value in condition.data_id.items():
            if name in universe and universe[name].is_dimension:
                _refuse_digits(universe[name], value, runner, universe)


def _refuse_digits(
    element: DimensionElement, value: object, runner: QueryRunner, universe: Universe
) -> None:
    names = [key.name for key in element.alternate_keys if key.type == "string"]
    if element.primary_key.type != "int" or not names:
        return
    listed = listed_values(value)
    digits = [
        each
        for each in ([value] if listed is None else listed)
        if isinstance(each, str) and each.isdecimal()
    ]
    if not digits:
        return
    field = RecordField(element.name, names[0], "string")
    constants = [Constant(each, "string") for each in dict.fromkeys(digits)]
    where = Conditions(universe, Place()).membership(field, constants)
    group = universe.group(element.required)
    known = set(runner.query(Query(group, where, element=element.name))[names[0]])
    for each in digits:
        if each not in known:
            raise DataIdError(
                f"No {element.name}.{names[0]} '{each}' is known. If you mean the "
                f"number, write {element.name}={int(each)}, without quotes."
            )


def _is_field(name: str, universe: Universe) -> bool:
    return any(element.has_column(name) for element in universe.elements.values())
