"""Rows laid out for people: as a table that fits, or one value a line."""

from __future__ import annotations

import itertools
import json
import unicodedata
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Final

from pantler.execution.log_lines import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GAP: Final = "  "


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], width: int | None
) -> str:
    """Return rows as a table, or as blocks of lines where a table does not fit.

    Parameters
    ----------
    columns
        The titles.
    rows
        The values, as many in each row as there are titles.
    width
        Of the terminal. No value is cut, so that each can be copied: a table that
        is wider becomes blocks. None for output that does not go to a terminal.
    """
    if not columns:
        return ""
    made = [
        _Column.of(name, [row[i] for row in rows]) for i, name in enumerate(columns)
    ]
    widths = [column.width for column in made]
    if rows and width is not None and _total(widths) > width:
        return _blocks(made, width)
    titles = [
        _pad(column.name, column.width, right=column.is_numeric) for column in made
    ]
    rule = _GAP.join("─" * width for width in widths)
    padded = zip(*(column.padded() for column in made), strict=True)
    lines = [_GAP.join(titles).rstrip(), rule]
    lines.extend(_GAP.join(cells).rstrip() for cells in padded)
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column whose values are text.

    Parameters
    ----------
    name
        Its title.
    cells
        Its values.
    is_numeric
        Whether they are numbers.
    width
        Of the longest, in cells of a terminal.
    """

    name: str
    cells: list[str]
    is_numeric: bool
    width: int

    @classmethod
    def of(cls, name: str, values: Sequence[object]) -> _Column:
        kinds = set(map(type, values))
        if kinds == {str} and "".join(map(str, values)).isprintable():
            cells = [str(value) for value in values]
        elif kinds == {int}:
            cells = list(map(str, values))
        else:
            cells = [cell_text(value) for value in values]
        return cls(
            name,
            cells,
            is_numeric=all(issubclass(kind, int | float | NoneType) for kind in kinds),
            width=max(
                map(len if _is_ascii([name, *cells]) else text_width, [name, *cells])
            ),
        )

    def padded(self) -> Iterator[str]:
        """Return the values, each as wide as the column."""
        if _is_ascii(self.cells):
            pad = str.rjust if self.is_numeric else str.ljust
            return map(pad, self.cells, itertools.repeat(self.width))
        return (_pad(c, self.width, right=self.is_numeric) for c in self.cells)


def _is_ascii(cells: Sequence[str]) -> bool:
    """Whether each character takes one cell of a terminal."""
    return "".join(cells).isascii()


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _blocks(columns: Sequence[_Column], width: int) -> str:
    """Return one block of lines for each row."""
    titles = max(text_width(column.name) for column in columns)
    titles = min(titles, width // 2)
    room = max(width - titles - len(_GAP), 1)
    count = len(columns[0].cells)
    lines = []
    for number in range(count):
        lines.append(_shorten(f"── {number + 1} of {count} ".ljust(width, "─"), width))
        for column in columns:
            cell = column.cells[number]
            if cell:
                title = _shorten(column.name, titles)
                for part in _parts(cell, room):
                    lines.append(f"{_pad(title, titles)}{_GAP}{part}")
                    title = ""
    return "\n".join(lines)


def _parts(text: str, width: int) -> Iterator[str]:
    """Yield a text in lines, broken between words where it has some."""
    while text:
        part = _first(text, width) or text[0]
        if len(part) < len(text) and not text[len(part)].isspace():
            words = part.rpartition(" ")[0]
            part = words if words.strip() else part
        yield part
        text = text[len(part) :].removeprefix(" ")


def cell_text(value: object) -> str:
    """Return a value as one line of text; empty for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(cell_text, value))
    if isinstance(value, dict):
        return json.dumps(value)
    text = str(value)
    # What is printable moves no cursor, and most text is.
    return text if text.isprintable() else "".join(map(visible, text))


def text_width(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _pad(text: str, width: int, *, right: bool = False) -> str:
    blank = " " * (width - text_width(text))
    return f"{blank}{text}" if right else f"{text}{blank}"


def _shorten(text: str, width: int) -> str:
    """Return a text that takes no more than some cells."""
    if text_width(text) <= width:
        return text
    return f"{_first(text, width - 1)}…"


def _first(text: str, width: int) -> str:
    """Return as much of the beginning of a text as fits."""
    taken = 0
    for place, character in enumerate(text):
        taken += _character_width(character)
        if taken > width:
            return text[:place]
    return text
