"""Conditions made of operands: types checked and constants folded.

What holds always is ``Truth`` of the constant TRUE; what holds never, of FALSE.
"""

from __future__ import annotations

import operator as operators
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from pantler.queries.functions import uuid_bytes
from pantler.queries.operands import NUMERIC, is_constant, type_of, type_words
from pantler.queries.rendering import to_text
from pantler.queries.tree import (
    And,
    Comparison,
    Constant,
    DimensionKey,
    Glob,
    IsNull,
    Like,
    Membership,
    Not,
    Or,
    Overlaps,
    RecordField,
    Truth,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pantler.dimensions.universe import Universe
    from pantler.queries.syntax import Place
    from pantler.queries.tree import Operand, Predicate

Operator = Literal["=", "!=", "<", "<=", ">", ">="]

ALWAYS: Final = Truth(Constant(True, "bool"))
NEVER: Final = Truth(Constant(False, "bool"))

_MIRRORED: Final[Mapping[Operator, Operator]] = {
    "=": "=",
    "!=": "!=",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}
_COMPARE: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    "=": operators.eq,
    "!=": operators.ne,
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}
_ORDERED: Final = frozenset({"int", "float", "string", "time"})


@dataclass(frozen=True, slots=True)
class Conditions:
    """Makes conditions that stand at one place of an expression.

    Parameters
    ----------
    universe
        Where alternate keys of dimensions are looked up.
    place
        Where errors are.
    """

    universe: Universe
    place: Place

    def compare(self, operator: Operator, left: Operand, right: Operand) -> Predicate:
        """Return a comparison, its column on the left and its constant on the right.

        Raises
        ------
        QuerySyntaxError
            If values of these types cannot be compared in this way.
        """
        left, right = self._matched(left, right)
        if is_constant(left) and not is_constant(right):
            left, right, operator = right, left, _MIRRORED[operator]
        kinds = {type_of(left), type_of(right)}
        if "null" in kinds:
            other = right if type_of(left) == "null" else left
            return self._compare_null(operator, other)
        if kinds & {"region", "timespan"}:
            raise self.place.error(
                f"{_said(left)}, {_said(right)}: regions and time spans are "
                f"compared by OVERLAPS, not by `{operator}`."
            )
        if len(kinds) > 1 and not kinds <= NUMERIC:
            raise self.place.error(_mismatch(left, right))
        if operator not in {"=", "!="} and not kinds <= _ORDERED:
            raise self.place.error(
                f"{_said(left)}: only `=` and `!=` can compare it, not `{operator}`."
            )
        if isinstance(left, Constant) and isinstance(right, Constant):
            return ALWAYS if _COMPARE[operator](left.value, right.value) else NEVER
        if kinds == {"bool"} and isinstance(right, Constant):
            truth = Truth(left)
            return truth if (operator == "=") == right.value else Not(truth)
        return Comparison(operator, left, right)

    def _compare_null(self, operator: Operator, operand: Operand) -> Predicate:
        if operator not in {"=", "!="}:
            raise self.place.error(
                f"NULL cannot be compared by `{operator}`; write IS NULL."
            )
        found = self.is_null(operand)
        return found if operator == "=" else negate(found)

    def is_null(self, operand: Operand) -> Predicate:
        """Return the test for no value."""
        if is_constant(operand):
            return ALWAYS if type_of(operand) == "null" else NEVER
        return IsNull(operand)

    def membership(
        self,
        operand: Operand,
        items: Iterable[Operand],
        ranges: Sequence[tuple[int, int, int]] = (),
    ) -> Predicate:
        """Return whether an operand is one of some others, or in one of some ranges.

        Parameters
        ----------
        operand
            What is looked for.
        items
            Constants, and columns; NULL stands for no value, as in ``= NULL``.
        ranges
            First, last (inclusive) and stride of integers.

        Raises
        ------
        QuerySyntaxError
            If types do not fit.
        """
        if ranges and type_of(operand) != "int":
            raise self.place.error(
                f"{_said(operand)}, but only an integer can be in a range of integers."
            )
        if is_constant(operand) and ranges:
            value = cast("int", cast("Constant", operand).value)
            if any(value in range(a, b + 1, step) for a, b, step in ranges):
                return ALWAYS
            ranges = ()
        values: dict[Operand, list[Constant]] = {}
        others: list[Predicate] = []
        items = list(items)
        if constants := _constants_of(operand, items):
            values[operand], items = constants, []
        for item in items:
            column, value_ = self._matched(operand, item)
            if is_constant(operand) or not isinstance(value_, Constant):
                others.append(self.compare("=", column, value_))
            elif value_.type == "null":
                others.append(self.is_null(operand))
            elif value_.type == "bool" or not _fits(column, value_):
                others.append(self.compare("=", column, value_))
            else:
                values.setdefault(column, []).append(value_)
        if ranges:
            values.setdefault(operand, [])
        memberships = [
            Membership(
                column,
                tuple(dict.fromkeys(constants)),
                tuple(ranges) if column == operand else (),
            )
            for column, constants in values.items()
        ]
        return any_of((*memberships, *dict.fromkeys(others)))

    def overlap(self, left: Operand, right: Operand) -> Predicate:
        """Return whether two regions, or two spans of time, overlap.

        Raises
        ------
        QuerySyntaxError
            If they are neither, or both are constants.
        """
        if is_constant(left):
            left, right = right, left
        kinds = (type_of(left), type_of(right))
        if is_constant(left):
            raise self.place.error("One side of OVERLAPS must be a column.")
        if kinds == ("region", "region"):
            return Overlaps(left, right, "spatial")
        if "timespan" in kinds and set(kinds) <= {"timespan", "time"}:
            return Overlaps(left, right, "temporal")
        raise self.place.error(
            "OVERLAPS takes two sky regions, or two spans of time, or one and a time; "
            f"{_said(left)}, {_said(right)}.{self._overlap_hint(left, right)}"
        )

    def _overlap_hint(self, *operands: Operand) -> str:
        for operand in operands:
            if isinstance(operand, DimensionKey):
                element = self.universe[operand.dimension]
                fields = ["region"] * element.is_spatial
                fields += ["timespan"] * element.is_temporal
                if fields:
                    choices = " or ".join(f"{element.name}.{name}" for name in fields)
                    return f" Write {choices}."
        return ""

    def glob(self, operand: Operand, pattern: Operand) -> Predicate:
        """Return whether text matches a pattern of ``*`` and ``?``.

        Raises
        ------
        QuerySyntaxError
            If the operand is not a column of text, or the pattern is not constant text.
        """
        if not (isinstance(pattern, Constant) and isinstance(pattern.value, str)):
            raise self.place.error(
                "The pattern of GLOB must be text: GLOB(name, 'a*')."
            )
        operand, _ = self._matched(operand, pattern)
        if type_of(operand) != "string" or is_constant(operand):
            raise self.place.error(
                f"GLOB takes a column of text first, but {_said(operand)}."
            )
        return Glob(operand, pattern.value)

    def like(
        self, operand: Operand, pattern: Operand, escape: Operand | None = None
    ) -> Predicate:
        """Return whether text matches a pattern of ``%`` and ``_``.

        Parameters
        ----------
        operand
            A column of text.
        pattern
            Constant text.
        escape
            The character that takes their meaning from those after it; none has it if
            None.

        Raises
        ------
        QuerySyntaxError
            If they are something else, or the escape is not before ``%``, ``_`` or
            itself.
        """
        if not (isinstance(pattern, Constant) and isinstance(pattern.value, str)):
            raise self.place.error("The pattern of LIKE must be text: name LIKE 'a%'.")
        operand, _ = self._matched(operand, pattern)
        if type_of(operand) != "string" or is_constant(operand):
            raise self.place.error(
                f"LIKE takes a column of text on its left, but {_said(operand)}."
            )
        return Like(operand, self._plain_pattern(pattern.value, escape))

    def _plain_pattern(self, pattern: str, escape: Operand | None) -> str:
        """Return a pattern with a backslash as its escape character."""
        character = None
        if escape is not None:
            character = escape.value if isinstance(escape, Constant) else None
            if not isinstance(character, str) or len(character) != 1:
                raise self.place.error("ESCAPE takes one character: ESCAPE '!'.")
        plain: list[str] = []
        characters = iter(pattern)
        for each in characters:
            if each == character:
                escaped = next(characters, "")
                if escaped not in {"%", "_", character}:
                    raise self.place.error(
                        f"`{character}{escaped}` in the pattern of LIKE: the escape "
                        f"character stands before `%`, `_` or another `{character}`."
                    )
                plain.append(f"\\{escaped}" if escaped in "%_\\" else escaped)
            else:
                plain.append("\\\\" if each == "\\" else each)
        return "".join(plain)

    def truth(self, operand: Operand) -> Predicate:
        """Return a truth value as a condition.

        Raises
        ------
        QuerySyntaxError
            If it is none.
        """
        if type_of(operand) != "bool":
            raise self.place.error(
                f"A condition is needed here, but {_said(operand)}. "
                "Compare it with something: = != < > IN OVERLAPS IS NULL."
            )
        return Truth(operand)

    def _matched(self, left: Operand, right: Operand) -> tuple[Operand, Operand]:
        """Return both as one type, where one can stand for the other's."""
        return self._converted(left, right), self._converted(right, left)

    def _converted(self, operand: Operand, other: Operand) -> Operand:
        """Return an operand as what the other one's type makes of it."""
        kinds = (type_of(operand), type_of(other))
        if isinstance(operand, DimensionKey) and kinds == ("int", "string"):
            return self._alternate_key(operand)
        if not isinstance(operand, Constant):
            return operand
        match kinds:
            case ("int", "float"):
                return Constant(float(operand.value or 0), "float")
            case ("string", "uuid"):
                return Constant(uuid_bytes(str(operand.value), self.place), "uuid")
            case ("hash", "uuid") if len(cast("bytes", operand.value)) == 16:
                return replace(operand, type="uuid")
            case ("string", "hash"):
                return self._hash(str(operand.value))
        return operand

    def _alternate_key(self, key: DimensionKey) -> Operand:
        """Return the column of a dimension that text can name it by, if it has one."""
        element = self.universe[key.dimension]
        texts = [c.name for c in element.alternate_keys if c.type == "string"]
        return RecordField(element.name, texts[0], "string") if len(texts) == 1 else key

    def _hash(self, text: str) -> Constant:
        try:
            return Constant(bytes.fromhex(text), "hash")
        except ValueError:
            raise self.place.error(
                f"'{text}' is not a hash: hexadecimal digits are needed."
            ) from None


def negate(predicate: Predicate) -> Predicate:
    """Return the opposite of a condition."""
    if isinstance(predicate, Not):
        return predicate.operand
    if predicate == ALWAYS:
        return NEVER
    return ALWAYS if predicate == NEVER else Not(predicate)


def all_of(predicates: Iterable[Predicate]) -> Predicate:
    """Return the conjunction of conditions, flat; of none, what holds always."""
    return _joined(And, predicates, neutral=ALWAYS, decisive=NEVER)


def any_of(predicates: Iterable[Predicate]) -> Predicate:
    """Return the disjunction of conditions, flat; of none, what holds never."""
    return _joined(Or, predicates, neutral=NEVER, decisive=ALWAYS)


def _joined(
    kind: type[And | Or],
    predicates: Iterable[Predicate],
    *,
    neutral: Predicate,
    decisive: Predicate,
) -> Predicate:
    flat: list[Predicate] = []
    for predicate in predicates:
        if predicate == decisive:
            return decisive
        if isinstance(predicate, And | Or) and isinstance(predicate, kind):
            flat.extend(predicate.operands)
        elif predicate != neutral:
            flat.append(predicate)
    if not flat:
        return neutral
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def _constants_of(operand: Operand, items: list[Operand]) -> list[Constant]:
    """Return the items if they need no conversion: the common case, with very many."""
    kind = type_of(operand)
    if kind not in {"int", "string"} or is_constant(operand):
        return []
    found = [i for i in items if isinstance(i, Constant) and i.type == kind]
    return found if len(found) == len(items) else []


def _fits(column: Operand, value: Constant) -> bool:
    kinds = {type_of(column), value.type}
    return len(kinds) == 1 or kinds <= NUMERIC


def _said(operand: Operand) -> str:
    return f"`{_short(operand)}` is {type_words(type_of(operand))}"


def _short(operand: Operand) -> str:
    text = to_text(operand)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _mismatch(left: Operand, right: Operand) -> str:
    kinds = (type_of(left), type_of(right))
    hint = ""
    if set(kinds) == {"time", "string"}:
        hint = " Write a time as T'2025-01-31T12:00:00'."
    elif set(kinds) == {"time", "int"} or set(kinds) == {"time", "float"}:
        hint = " Write a time as T'60000.5' (MJD, TAI)."
    elif isinstance(right, Constant) and right.type in NUMERIC and kinds[0] == "string":
        hint = f" Write the text in quotes: '{to_text(right)}'."
    return f"{_said(left)}, but {_said(right)}: they cannot be compared.{hint}"
