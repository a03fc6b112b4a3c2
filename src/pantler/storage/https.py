"""HTTPS: files that any web server offers, to be read, whole or in part."""

from __future__ import annotations

import email.utils
import functools
import netrc
import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn
from urllib.parse import quote

from pantler.errors import InvalidInputError, SettingsError
from pantler.storage.extras import import_extra
from pantler.storage.object_client import ObjectInfo
from pantler.storage.objects import ObjectStorage
from pantler.storage.request_errors import RequestError, error_of_status
from pantler.storage.request_policy import RequestPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import httpx

    from pantler.storage.interface import Capability
    from pantler.storage.location import Location

_READ_ONLY: Final = "files of a web server can only be read"


def open_https(
    location: Location,
    *,
    fsync: bool = False,  # noqa: ARG001 - nothing is written
    policy: RequestPolicy | None = None,
) -> ObjectStorage:
    """Return storage that reads what a web server has below a URL.

    User and password are taken from ``~/.netrc``, or the file that ``NETRC`` names.

    Parameters
    ----------
    location
        ``https://host/folder``; ``http`` too.
    fsync
        Taken, as all storage does; it has no effect here.
    policy
        How requests are made.

    Raises
    ------
    InvalidInputError
        If the location names no host, or holds user and password.
    PluginError
        If httpx is not installed.
    """
    policy = policy or RequestPolicy()
    root = root_url(location, location.scheme)
    return ObjectStorage(location, HttpsClient(root, policy), policy=policy)


def root_url(location: Location, scheme: str) -> str:
    """Return the URL of a root, with a final slash.

    Raises
    ------
    InvalidInputError
        If the location names no host, or holds user and password.
    """
    if not location.authority or "@" in location.authority:
        raise InvalidInputError(
            f"Write '{location.scheme}://HOST/FOLDER', without user or password: they "
            "belong into ~/.netrc."
        )
    path = quote(location.path.strip("/"))
    return f"{scheme}://{location.authority}/{path}{'/' if path else ''}"


class HttpsClient:
    """Requests to one web server, by httpx.

    Parameters
    ----------
    root
        The URL that keys are relative to, with a final slash.
    policy
        How long a request may take, and how many there are at a time.
    """

    capabilities: frozenset[Capability] = frozenset()
    leaves_unfinished = False

    def __init__(self, root: str, policy: RequestPolicy) -> None:
        self._httpx: Any = import_extra("httpx", extra="webdav", scheme="https")
        self._root = root
        self._policy = policy
        self._client: httpx.Client = self._httpx.Client(
            timeout=policy.timeout_s,
            follow_redirects=True,
            auth=self._auth(),
            # What is compressed on the way has other offsets.
            headers={"Accept-Encoding": "identity", "User-Agent": "pantler"},
            limits=self._httpx.Limits(
                max_connections=policy.at_once + 8,
                max_keepalive_connections=policy.at_once,
            ),
        )

        weakref.finalize(self, self._client.close)

    def _auth(self) -> Any:
        file = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
        if not file.is_file():
            return None
        try:
            return self._httpx.NetRCAuth(str(file))
        except (OSError, netrc.NetrcParseError):
            # Not what the parser says, which may show a secret.
            raise SettingsError(f"{file} cannot be read as a netrc file.") from None

    def get(self, key: str, offset: int, size: int | None) -> bytes:
        """Return bytes of a file."""
        headers = {}
        if offset or size is not None:
            last = "" if size is None else str(offset + size - 1)
            headers["Range"] = f"bytes={offset}-{last}"
        try:
            answer = self._ask("GET", key, headers=headers)
        except RequestError as error:
            if error.status == 416:  # nothing is there any more
                return b""
            raise
        data: bytes = answer.content
        if headers and answer.status_code != 206:  # all of it was sent
            return data[offset : None if size is None else offset + size]
        return data

    def head(self, key: str) -> ObjectInfo:
        """Return size and time of a file."""
        found = self._ask("HEAD", key).headers
        modified = found.get("last-modified")
        size = found.get("content-length")
        return ObjectInfo(
            key,
            # Apache does not say it of empty files.
            int(size) if size else len(self.get(key, 0, None)),
            modified and unix_time(modified),
        )

    def put(self, key: str, data: bytes, *, create: bool) -> None:  # noqa: ARG002
        """Refuse: there is no common way."""
        self._refuse()

    def put_file(self, key: str, file: Path) -> None:  # noqa: ARG002
        """Refuse: there is no common way."""
        self._refuse()

    def pages(self, prefix: str) -> Iterator[Sequence[ObjectInfo]]:  # noqa: ARG002
        """Refuse: there is no common way."""
        self._refuse()

    def delete(self, keys: Sequence[str]) -> None:  # noqa: ARG002
        """Refuse: there is no common way."""
        self._refuse()

    def copy(self, source: str, target: str) -> None:  # noqa: ARG002
        """Refuse: there is no common way."""
        self._refuse()

    def signed_url(
        self,
        key: str,  # noqa: ARG002
        method: Literal["GET", "PUT"],  # noqa: ARG002
        lifetime_s: float,  # noqa: ARG002
    ) -> NoReturn:
        """Refuse: there is no common way."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise RequestError("invalid", _READ_ONLY)

    def _url(self, key: str) -> str:
        return self._root + quote(key)

    def _ask(self, method: str, key: str, **options: Any) -> httpx.Response:
        """Make one request for a file; see `_ask_url`."""
        return self._ask_url(method, self._url(key), **options)

    def _ask_url(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: Any = None,
        accept: Sequence[int] = (),
    ) -> httpx.Response:
        """Make one request; statuses from 400 on are errors, unless accepted."""
        try:
            answer = self._client.request(method, url, headers=headers, content=content)
        except self._httpx.TimeoutException as error:
            raise RequestError(
                "passing", "the server does not answer in time"
            ) from error
        except self._httpx.ConnectError as error:
            raise RequestError(
                "passing", f"the server cannot be reached ({error})"
            ) from error
        except self._httpx.TransportError as error:
            raise RequestError(
                "passing", f"the connection was lost or cut off ({error})"
            ) from error
        except (self._httpx.InvalidURL, self._httpx.TooManyRedirects) as error:
            raise RequestError("lasting", str(error)) from error
        if answer.status_code >= 400 and answer.status_code not in accept:
            raise error_of_status(
                answer.status_code,
                answer.reason_phrase,
                wait_s=_seconds(answer.headers.get("retry-after", "")),
            )
        return answer


@functools.lru_cache(maxsize=1024)
def unix_time(text: str) -> float | None:
    """Return a time as HTTP writes it, Unix seconds; None if it is none."""
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None


def _seconds(text: str) -> float | None:
    return float(text) if text.isdigit() else None
