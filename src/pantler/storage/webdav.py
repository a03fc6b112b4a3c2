"""WebDAV: folders of a web server, to be read and written.

A file is sent under a name of its own and then moved: so it appears whole, also on
servers that show a file while it comes in.

References
----------
.. [1] RFC 4918, HTTP Extensions for Web Distributed Authoring and Versioning.
"""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit
from uuid import uuid4
from xml.etree import ElementTree as ET

from pantler.storage.concurrency import run_all
from pantler.storage.https import HttpsClient, root_url, unix_time
from pantler.storage.object_client import ObjectInfo
from pantler.storage.objects import ObjectStorage
from pantler.storage.request_errors import RequestError
from pantler.storage.request_policy import RequestPolicy
from pantler.storage.unfinished import name_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pantler.storage.interface import Capability
    from pantler.storage.location import Location

_SCHEMES: Final = {"davs": "https", "dav": "http"}
_NO_FOLDER: Final = 409
# Of MKCOL. 403 is what Apache says when somebody makes it at the same moment; who
# really may not is told so by the PUT that follows.
_MADE_BY_OTHERS: Final = (405, 403)
# Of COPY and MOVE into a folder that is not there; 500 is what nginx says.
_NO_TARGET: Final = (_NO_FOLDER, 500)

_QUESTION: Final = (
    b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/>'
    b"<getcontentlength/><getlastmodified/></prop></propfind>"
)


def open_webdav(
    location: Location,
    *,
    fsync: bool = False,  # noqa: ARG001 - what a server has taken is its affair
    policy: RequestPolicy | None = None,
) -> ObjectStorage:
    """Return storage in a folder of a WebDAV server.

    User and password are taken from ``~/.netrc``, or the file that ``NETRC`` names.

    Parameters
    ----------
    location
        ``davs://host/folder``; ``dav`` for a server without encryption.
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
    client = WebdavClient(root_url(location, _SCHEMES[location.scheme]), policy)
    return ObjectStorage(location, client, policy=policy)


class WebdavClient(HttpsClient):
    """Requests to one WebDAV server.

    Parameters
    ----------
    root
        The URL that keys are relative to, with a final slash.
    policy
        How requests are made.
    """

    capabilities: frozenset[Capability] = frozenset({"write", "copy", "list"})
    leaves_unfinished = True

    def __init__(self, root: str, policy: RequestPolicy) -> None:
        super().__init__(root, policy)
        self._base = unquote(urlsplit(root).path)
        self._id = uuid4().hex

    def put(self, key: str, data: bytes, *, create: bool) -> None:
        """Send bytes, and give them their name.

        ``create`` is never asked for: of eight who MOVE to one name at once with
        ``Overwrite: F``, Apache now and then tells two that they were first.
        """
        if create:
            raise RequestError("invalid", "a WebDAV server cannot promise a new file")
        self._put(key, data)

    def put_file(self, key: str, file: Path) -> None:
        """Send a local file, and give it its name."""
        with file.open("rb") as source:
            self._put(key, source)

    def pages(self, prefix: str) -> Iterator[Sequence[ObjectInfo]]:
        """Yield the files of one folder after the other."""
        folders = [prefix]
        while folders:
            folder = folders.pop()
            listing = self._policy.call(functools.partial(self._list, folder))
            folders += listing.folders
            yield listing.files

    def delete(self, keys: Sequence[str]) -> None:
        """Remove files, several at once: there is no request for many."""

        def delete(key: str) -> None:
            ask = functools.partial(self._ask, "DELETE", key, accept=[404])
            self._policy.call(ask)

        run_all(delete, keys, self._policy.at_once)

    def copy(self, source: str, target: str) -> None:
        """Have the server copy a file."""
        self._to("COPY", source, target)

    def _put(self, key: str, content: Any) -> None:
        unfinished = name_for(f"/{key}", self._id).lstrip("/")
        try:
            answer = self._ask(
                "PUT", unfinished, content=content, accept=[_NO_FOLDER, 404]
            )
            if answer.status_code in {_NO_FOLDER, 404}:
                self._make_folders(unfinished)
                if not isinstance(content, bytes):
                    content.seek(0)
                self._ask("PUT", unfinished, content=content)
            self._to("MOVE", unfinished, key)
        except BaseException:
            with contextlib.suppress(RequestError):
                self._ask("DELETE", unfinished, accept=[404])
            raise

    def _to(self, method: str, source: str, target: str) -> None:
        headers = {"Destination": self._url(target), "Overwrite": "T"}
        answer = self._ask(method, source, headers=headers, accept=_NO_TARGET)
        if answer.status_code in _NO_TARGET:
            self._make_folders(target)
            self._ask(method, source, headers=headers)

    def _make_folders(self, key: str) -> None:
        """Make the folders of a file that are missing, and those of the root."""
        missing = []
        folder = (self._root + quote(key)).rpartition("/")[0]
        host = f"{urlsplit(self._root).scheme}://{urlsplit(self._root).netloc}"
        while folder != host:
            answer = self._ask_url(
                "MKCOL", f"{folder}/", accept=[_NO_FOLDER, 404, *_MADE_BY_OTHERS]
            )
            if answer.status_code not in {_NO_FOLDER, 404}:
                break
            missing.append(folder)
            folder = folder.rpartition("/")[0]
        for each in reversed(missing):
            self._ask_url("MKCOL", f"{each}/", accept=_MADE_BY_OTHERS)

    def _list(self, folder: str) -> _Listing:
        answer = self._ask(
            "PROPFIND",
            folder,
            headers={"Depth": "1", "Content-Type": "application/xml"},
            content=_QUESTION,
            accept=[404],
        )
        listing = _Listing()
        if answer.status_code == 404:
            return listing
        try:
            # Entities that grow are refused by expat itself, since 2.4.
            found = ET.fromstring(answer.content)  # noqa: S314
        except ET.ParseError as error:
            raise RequestError(
                "lasting", "the server does not list by WebDAV"
            ) from error
        for response in found.iterfind("{DAV:}response"):
            self._note(response, folder, listing)
        return listing

    def _note(self, response: ET.Element, folder: str, listing: _Listing) -> None:
        href = response.findtext("{DAV:}href") or ""
        path = unquote(urlsplit(href).path)
        key = path.removeprefix(self._base)
        if key.rstrip("/") == folder.rstrip("/") or not path.startswith(self._base):
            return
        if response.find(".//{DAV:}resourcetype/{DAV:}collection") is not None:
            listing.folders.append(f"{key.rstrip('/')}/")
            return
        size = response.findtext(".//{DAV:}getcontentlength") or "0"
        modified = response.findtext(".//{DAV:}getlastmodified")
        listing.files.append(
            ObjectInfo(key, int(size), unix_time(modified) if modified else None)
        )


class _Listing:
    """What is in a folder."""

    def __init__(self) -> None:
        self.folders: list[str] = []
        self.files: list[ObjectInfo] = []
