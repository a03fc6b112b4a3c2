"""Where a registry in PostgreSQL is: a URI, without any secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from pantler.errors import SettingsError

DEFAULT_SCHEMA: Final = "pantler"
"""The schema of a registry whose location does not name one."""

_SCHEME: Final = "postgresql"
_SECRETS: Final = ("password", "sslpassword", "oauth_client_secret")
_MOST_BYTES: Final = 63
"""Of a name in PostgreSQL, which cuts longer ones off."""


@dataclass(frozen=True, slots=True)
class PostgresqlLocation:
    """A schema of a database.

    Parameters
    ----------
    conninfo
        The database, as libpq takes it.
    schema
        The schema's name.
    text
        The whole, as it was given.
    """

    conninfo: str
    schema: str
    text: str


def has_secret(text: str) -> bool:
    """Whether a location has a password in it, however it is written."""
    rest = re.sub(r"^[^:/?#]*:?//", "", text)
    netloc = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, at, host = netloc.rpartition("@")
    if at and ":" in unquote(user):
        return True
    # A password in which a '/', '?' or '#' was not encoded ends the name of the host.
    port = host.rpartition(":")[2] if ":" in host and "]" not in host else "0"
    is_cut = not port.isdecimal() or "@" in re.split(r"[?#]", rest, maxsplit=1)[0]
    if not at and ":" in netloc and "@" in rest and is_cut:
        return True
    words = re.findall(r"([A-Za-z_%0-9]+)\s*=", text)
    return any(unquote(word).casefold() in _SECRETS for word in words)


NO_SECRETS: Final = (
    "The location of a registry must not have a password in it: everybody who may read "
    "the repository would see it. Take it out, and keep it where PostgreSQL's programs "
    "find it: in ~/.pgpass (or the file that PGPASSFILE names), in a service file "
    "(postgresql://?service=name), or in PGPASSWORD"
)


def parse_location(text: str) -> PostgresqlLocation:
    """Return what a location says.

    Parameters
    ----------
    text
        ``postgresql://user@host:port/database?schema=name``; all but the scheme may be
        missing, and libpq's other parameters may be there.

    Raises
    ------
    SettingsError
        If it is no such URI, or has a password.
    """
    if has_secret(text):
        raise SettingsError(f"{NO_SECRETS}.")
    try:
        parts = urlsplit(text)
        pairs = parse_qsl(
            parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)
        )
    except ValueError as error:
        # It quotes a part of the text, which could be a password.
        why = "its parts cannot be made out" if "@" in text else f"{error}"
        raise _not_uri(text, why) from None
    if parts.scheme != _SCHEME or "//" not in text:
        raise _not_uri(text, "it does not begin with 'postgresql://'")
    if parts.fragment:
        raise _not_uri(text, f"'#{parts.fragment}' has no meaning there")
    names = [value for name, value in pairs if name == "schema"]
    if len(names) > 1:
        raise _not_uri(text, "it names two schemas")
    schema = names[0] if names else DEFAULT_SCHEMA
    _check_schema(text, schema)
    others = [(name, value) for name, value in pairs if name != "schema"]
    query = urlencode(others, quote_via=quote)
    conninfo = urlunsplit(("postgresql", parts.netloc, parts.path, query, ""))
    if not parts.netloc:  # which urlunsplit takes for no authority at all
        conninfo = conninfo.replace("postgresql:", "postgresql://", 1)
        conninfo = conninfo.replace(":////", ":///", 1)
    return PostgresqlLocation(conninfo, schema, text)


def _check_schema(text: str, schema: str) -> None:
    if not schema or schema != schema.strip() or "\0" in schema:
        raise _not_uri(text, "its schema has no name")
    if len(schema.encode()) > _MOST_BYTES:
        raise _not_uri(text, f"a schema's name has at most {_MOST_BYTES} bytes")
    if schema.startswith("pg_") or schema == "information_schema":
        raise _not_uri(text, f"'{schema}' is a schema of PostgreSQL itself")


def _not_uri(text: str, why: str) -> SettingsError:
    # Whatever precedes an '@' could be a password, oddly written.
    shown = re.sub(r"//.*@", "//…@", text)
    return SettingsError(
        f"'{shown}' is not the location of a PostgreSQL registry: {why}. Write "
        "'postgresql://host:port/database?schema=name'."
    )
