"""The header of one raw frame, read with care: the pieces translators are made of."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantler.errors import HeaderError, close_match

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_SEXAGESIMAL = re.compile(
    r"\s*([+-]?)(\d{1,3})[:\s]+(\d{1,2})(?:[:\s]+(\d{1,2}(?:\.\d*)?))?\s*"
)


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """Keys and values of one frame's header, and the file that it is of.

    Each method takes keys in the order in which they are tried; a key whose value is
    empty text counts as missing.

    Parameters
    ----------
    values
        Header values by key, in capitals.
    file
        The file, for messages.
    """

    values: Mapping[str, object]
    file: str

    def find(self, *keys: str) -> object | None:
        """Return the value of the first key that is there, or None."""
        for key in keys:
            value = self.values.get(key)
            if value is not None and not (isinstance(value, str) and not value.strip()):
                return value
        return None

    def required(self, *keys: str) -> object:
        """Return the value of the first key that is there.

        Raises
        ------
        HeaderError
            If none is there; the message names the close ones that are.
        """
        value = self.find(*keys)
        if value is None:
            raise self._missing(keys)
        return value

    def text(self, *keys: str) -> str:
        """Return the text under the first key that is there, without outer blanks.

        Raises
        ------
        HeaderError
            If none is there.
        """
        return str(self.required(*keys)).strip()

    def find_text(self, *keys: str) -> str | None:
        """Return the text under the first key that is there, or None."""
        value = self.find(*keys)
        return None if value is None else str(value).strip()

    def number(self, *keys: str) -> float:
        """Return the finite number under the first key that is there.

        Raises
        ------
        HeaderError
            If none is there, or it is not a number.
        """
        return self._number(self.required(*keys), keys)

    def find_number(self, *keys: str) -> float | None:
        """Return the finite number under the first key that is there, or None.

        Raises
        ------
        HeaderError
            If it is there and not a number.
        """
        value = self.find(*keys)
        return None if value is None else self._number(value, keys)

    def integer(self, *keys: str) -> int:
        """Return the whole number under the first key that is there.

        Raises
        ------
        HeaderError
            If none is there, or it is not a whole number.
        """
        value = self.number(*keys)
        if value != int(value):
            raise self._wrong(keys, self.required(*keys), "a whole number")
        return int(value)

    def choice(self, meanings: Mapping[str, str], *keys: str) -> str:
        """Return what the text under the first key means.

        Parameters
        ----------
        meanings
            Meanings by text in lower case.
        *keys
            The keys to try.

        Raises
        ------
        HeaderError
            If none is there, or its text has no meaning.
        """
        found = self.text(*keys)
        try:
            return meanings[found.lower()]
        except KeyError:
            known = ", ".join(repr(name) for name in sorted(meanings))
            raise HeaderError(
                f"{self.file}: {_show(keys)} is '{found}', which is not known here "
                f"(known: {known}).{close_match(found.lower(), meanings)}"
            ) from None

    def utc(self, *keys: str) -> datetime:
        """Return the UTC time under the first key that is there, without a zone.

        Raises
        ------
        HeaderError
            If none is there, or it is not an ISO 8601 date and time.
        """
        from datetime import UTC, datetime

        found = self.text(*keys)
        try:
            moment = datetime.fromisoformat(found)
        except ValueError:
            moment = None
        if moment is None or len(found) <= len("2019-05-03"):
            raise self._wrong(keys, found, "a time such as '2019-05-03T09:03:11'")
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        return moment

    def find_angle_deg(self, *keys: str, hours: bool = False) -> float | None:
        """Return the angle under the first key that is there in degrees, or None.

        Parameters
        ----------
        *keys
            The keys to try.
        hours
            Whether sexagesimal text counts hours rather than degrees, as right
            ascensions do. A plain number is degrees either way.

        Raises
        ------
        HeaderError
            If it is there and neither a number nor sexagesimal text.
        """
        value = self.find(*keys)
        if isinstance(value, str) and (match := _SEXAGESIMAL.fullmatch(value)):
            sign, whole, minutes, seconds = match.groups()
            angle = int(whole) + int(minutes) / 60 + float(seconds or 0) / 3600
            return (-angle if sign == "-" else angle) * (15 if hours else 1)
        return None if value is None else self._number(value, keys)

    def _number(self, value: object, keys: tuple[str, ...]) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self._wrong(keys, value, "a number")
        try:
            number = float(value)
        except ValueError:
            raise self._wrong(keys, value, "a number") from None
        if not math.isfinite(number):
            raise self._wrong(keys, value, "a finite number")
        return number

    def _missing(self, keys: tuple[str, ...]) -> HeaderError:
        empty = [key for key in keys if key in self.values]
        if empty:
            return HeaderError(
                f"{self.file}: header key {_show(tuple(empty))} has no value."
            )
        hint = next(filter(None, (close_match(k, self.values) for k in keys)), "")
        present = ", ".join(list(self.values)[:40]) or "none"
        return HeaderError(
            f"{self.file}: the header has no {_show(keys)}.{hint} Keys: {present}."
        )

    def _wrong(
        self, keys: tuple[str, ...], value: object, expected: str
    ) -> HeaderError:
        return HeaderError(
            f"{self.file}: header key {_show(keys)} is {value!r}, not {expected}."
        )


def _show(keys: tuple[str, ...]) -> str:
    return " or ".join(f"'{key}'" for key in keys)
