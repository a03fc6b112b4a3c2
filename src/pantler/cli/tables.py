"""Rows laid out for people: as a table that fits, or one value a line."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GAP: Final = "  "
_TIME: Final = "_tai"
_LEAST_TITLE: Final = 9
_LEAST_UUID: Final = 13
_LEAST_TEXT: Final = 18
"""Columns are not made narrower than these: a run's name ends in 16 digits."""


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
        Of the terminal: longer text is shortened with '…'. None for output that is
        not a terminal's: nothing is shortened.
    """
    if not columns:
        return ""
    made = [
        _Column.of(name, [row[i] for row in rows]) for i, name in enumerate(columns)
    ]
    widths = [column.width for column in made]
    if width is not None:
        fitting = _fit(made, width)
        if fitting is None:
            return _blocks(made, width)
        widths = fitting
    cells = zip(*(column.cells for column in made), strict=True)
    lines = [_line([column.name for column in made], made, widths), _rule(widths)]
    lines.extend(_line(row, made, widths) for row in cells)
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
    is_prose
        Whether they are sentences and lists, which lose least by being shortened.
    width
        Of the longest, in cells of a terminal.
    least_width
        How narrow it may become.
    """

    name: str
    cells: list[str]
    is_numeric: bool
    is_prose: bool
    width: int
    least_width: int

    @classmethod
    def of(cls, name: str, values: Sequence[object]) -> _Column:
        numeric = all(
            isinstance(value, int | float) or value is None for value in values
        )
        cells = [cell_text(value) for value in values]
        longest = max(map(text_width, cells), default=0)
        title = text_width(name)
        # Of a number or a time, no digit is left out.
        whole = numeric or name.endswith(_TIME)
        least = longest if whole else min(longest, _least_of(cells))
        return cls(
            name,
            cells,
            is_numeric=numeric,
            is_prose=not numeric and any(" " in cell for cell in cells),
            width=max(longest, title),
            least_width=max(least, min(title, _LEAST_TITLE)),
        )


def _least_of(cells: Sequence[str]) -> int:
    is_uuid = all(len(cell) == 36 and cell.count("-") == 4 for cell in cells)
    return _LEAST_UUID if is_uuid else _LEAST_TEXT


def _fit(columns: Sequence[_Column], width: int) -> list[int] | None:
    """Return widths that fit, prose made narrower before names; None if none do."""
    room = width - len(_GAP) * (len(columns) - 1)
    widths = [column.width for column in columns]
    if sum(column.least_width for column in columns) > room:
        return None
    for choose_prose in (True, False):
        chosen = [i for i, c in enumerate(columns) if c.is_prose is choose_prose]
        while sum(widths) > room:
            spare = [i for i in chosen if widths[i] > columns[i].least_width]
            if not spare:
                break
            widths[max(spare, key=widths.__getitem__)] -= 1
    return widths


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
    """Yield a text in lines."""
    while text:
        part = _first(text, width) or text[0]
        yield part
        text = text[len(part) :]


def _line(
    cells: Sequence[str], columns: Sequence[_Column], widths: Sequence[int]
) -> str:
    padded = (
        _pad(_shorten(cell, width), width, right=column.is_numeric)
        for cell, column, width in zip(cells, columns, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()


def _rule(widths: Sequence[int]) -> str:
    return _GAP.join("─" * width for width in widths)


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
    return "".join(map(_visible, str(value)))


def _visible(character: str) -> str:
    """Return a character that does not move the cursor."""
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return character.encode("unicode_escape").decode()
    return character


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
    """Return a text that takes no more than some cells.

    Sentences lose their end; names, paths and UUIDs their middle, as what tells them
    apart is often at the end.
    """
    if text_width(text) <= width:
        return text
    tail = 0 if " " in text else (width - 1) // 2
    begin, end = _first(text, width - 1 - tail), _first(text[::-1], tail)[::-1]
    return f"{begin}…{end}"


def _first(text: str, width: int) -> str:
    """Return as much of the beginning of a text as fits."""
    taken = 0
    for place, character in enumerate(text):
        taken += _character_width(character)
        if taken > width:
            return text[:place]
    return text
