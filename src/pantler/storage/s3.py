"""S3: buckets of Amazon, and of the many servers that speak its language."""

from __future__ import annotations

import functools
import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TypeVar

from pantler.errors import InvalidInputError
from pantler.storage.aws_files import read_aws_files
from pantler.storage.extras import import_extra
from pantler.storage.object_client import ObjectInfo
from pantler.storage.objects import ObjectStorage
from pantler.storage.request_errors import RequestError, error_of_status
from pantler.storage.request_policy import RequestPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pantler.storage.interface import Capability
    from pantler.storage.location import Location

_Result = TypeVar("_Result")

_PART_BYTES: Final = 16 << 20
"""Larger objects are sent in parts of this size: 10,000 make 160 GB, the most."""

_PARTS_AT_ONCE: Final = 4
_PAGE: Final = 1000
_SOURCES: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_SKIP_SIGNATURE",
)
"""Variables that say with which credentials to sign, or where to ask for them."""

_DEFAULT_REGION: Final = "us-east-1"

_ADVICE: Final = (
    "There are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
    "write them into ~/.aws/credentials"
)
_CODE: Final = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE: Final = re.compile(r"<Message>([^<]*)</Message>")
_DELETE_CODE: Final = re.compile(r"\(code: (\w+)\)")
_STATUS: Final = re.compile(r"non-2xx status code: (\d{3})")
_HTTP_KIND: Final = re.compile(r"kind: (Connect|Timeout|Interrupted|Decode|Request)\b")
_HTTP_SAYS: Final = {
    "Connect": "the server cannot be reached",
    "Timeout": "the server does not answer in time",
    "Interrupted": "the connection was lost",
    "Decode": "the answer was cut off",
}
# Codes that come with a status that says something else.
_PASSING: Final = {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable"}
_DENIED: Final = {
    "AccessDenied",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
}


def open_s3(
    location: Location,
    *,
    fsync: bool = False,  # noqa: ARG001 - what S3 has taken, it keeps
    policy: RequestPolicy | None = None,
) -> ObjectStorage:
    """Return storage in a bucket.

    Credentials come from where all programs for AWS take them: the environment, the
    files in ``~/.aws``, or the machine that this runs on. ``AWS_ENDPOINT_URL`` names
    another server than Amazon's.

    Parameters
    ----------
    location
        ``s3://bucket/folder``.
    fsync
        Taken, as all storage does; it has no effect here.
    policy
        How requests are made.

    Raises
    ------
    InvalidInputError
        If the location names no bucket, or credentials.
    PluginError
        If obstore is not installed.
    """
    if not location.authority or "@" in location.authority:
        raise InvalidInputError(
            "Write 's3://BUCKET/FOLDER', without user or password: credentials belong "
            "into the environment or ~/.aws/credentials."
        )
    policy = policy or RequestPolicy()
    prefix = location.path.strip("/")
    return ObjectStorage(
        location,
        S3Client(location.authority, policy),
        prefix=f"{prefix}/" if prefix else "",
        policy=policy,
    )


class S3Client:
    """Requests to one bucket, by obstore.

    Parameters
    ----------
    bucket
        Its name.
    policy
        How long a request may take, and how often a page of a listing is tried.
    """

    capabilities: frozenset[Capability] = frozenset(
        {"write", "create", "copy", "list", "sign"}
    )
    leaves_unfinished = False

    def __init__(self, bucket: str, policy: RequestPolicy) -> None:
        self._obstore = import_extra("obstore", extra="s3", scheme="s3")
        self._process = _first_process()
        self._bucket = bucket
        self._policy = policy
        self._store = self._open(0)  # the policy repeats, here as elsewhere
        # The parts of a large object are one by one repeated by the library.
        self._patient = self._open(policy.attempts - 1)

    def _open(self, most_retries: int) -> Any:
        policy = self._policy
        stores = import_extra("obstore.store", extra="s3", scheme="s3")
        config = read_aws_files()
        self._has_credentials = _has_credentials(config)
        endpoint = (
            os.environ.get("AWS_ENDPOINT_URL_S3")
            or os.environ.get("AWS_ENDPOINT_URL")
            or config.get("endpoint", "")
        )
        if endpoint:
            config["endpoint"] = endpoint
        if not (os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")):
            config.setdefault("region", _DEFAULT_REGION)
        return stores.S3Store(
            self._bucket,
            config=config,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "timeout": timedelta(seconds=policy.timeout_s),
                "connect_timeout": timedelta(seconds=min(10.0, policy.timeout_s)),
            },
            retry_config={
                "max_retries": most_retries,
                "backoff": {
                    "init_backoff": timedelta(seconds=policy.first_wait_s),
                    "max_backoff": timedelta(seconds=policy.most_wait_s),
                    "base": 2,
                },
            },
        )

    def get(self, key: str, offset: int, size: int | None) -> bytes:
        """Return bytes of an object."""
        options: dict[str, Any] = {}
        if size is not None:
            options["range"] = (offset, offset + size)
        elif offset:
            options["range"] = {"offset": offset}

        def get() -> bytes:
            answer = self._obstore.get(self._store, key, options=options)
            return bytes(answer.bytes())

        try:
            return self._ask(get)
        except RequestError as error:
            if error.status == 416:  # nothing is there any more
                return b""
            raise

    def head(self, key: str) -> ObjectInfo:
        """Return size and time of an object."""
        return _info(self._ask(lambda: self._obstore.head(self._store, key)))

    def put(self, key: str, data: bytes, *, create: bool) -> None:
        """Make an object of bytes."""
        if create:
            # In parts there is no such condition.
            options = {"mode": "create", "use_multipart": False}
        elif len(data) <= _PART_BYTES:
            options = {"use_multipart": False}
        else:
            self._put_in_parts(key, data)
            return
        self._ask(lambda: self._obstore.put(self._store, key, data, **options))

    def put_file(self, key: str, file: Path) -> None:
        """Make an object of a local file, in parts."""
        with file.open("rb") as source:
            self._put_in_parts(key, source)

    def _put_in_parts(self, key: str, source: bytes | BinaryIO) -> None:
        def put() -> None:
            self._obstore.put(
                self._patient,
                key,
                source,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )

        self._ask(put)

    def pages(self, prefix: str) -> Iterator[Sequence[ObjectInfo]]:
        """Yield what is below a folder."""
        folder = prefix.rstrip("/") or None
        last: str | None = None
        walk: Any = None

        def next_page() -> Any:
            nonlocal walk
            if walk is None:
                walk = self._obstore.list(
                    self._store, folder, offset=last, chunk_size=_PAGE
                )
            try:
                return self._ask(lambda: next(walk, None))
            except RequestError:
                walk = None  # the next one begins where this one has come to
                raise

        while page := self._policy.call(next_page):
            last = page[-1]["path"]
            yield [_info(found) for found in page]

    def delete(self, keys: Sequence[str]) -> None:
        """Remove up to 1000 objects by one request."""
        self._ask(lambda: self._obstore.delete(self._store, list(keys)))

    def copy(self, source: str, target: str) -> None:
        """Have the server copy an object."""
        self._ask(lambda: self._obstore.copy(self._store, source, target))

    def signed_url(
        self, key: str, method: Literal["GET", "PUT"], lifetime_s: float
    ) -> str:
        """Return a URL that is signed with our credentials."""
        lifetime = timedelta(seconds=lifetime_s)
        url: str = self._ask(
            lambda: self._obstore.sign(self._store, method, key, lifetime)
        )
        return url

    def _ask(self, work: Callable[[], _Result]) -> _Result:
        """Do a piece of work, and turn the library's errors into ours."""
        if os.getpid() != self._process:
            raise RequestError(
                "lasting",
                "this process was forked from one that had opened S3, whose threads it "
                "does not have. Start it as a program of its own (in multiprocessing: "
                "'spawn' or 'forkserver')",
            )
        try:
            return work()
        except FileNotFoundError as error:
            if _code(str(error)) == "NoSuchBucket":
                raise RequestError(
                    "lasting", f"there is no bucket '{self._bucket}'"
                ) from error
            raise RequestError("missing", "it is not there") from error
        except self._obstore.exceptions.AlreadyExistsError as error:
            raise RequestError("taken", "it is there already") from error
        except self._obstore.exceptions.BaseError as error:
            found = self._error_of(str(error))
            if found.kind in {"denied", "passing"} and not self._has_credentials:
                raise RequestError("denied", f"{found.reason}. {_ADVICE}") from error
            raise found from error
        except ValueError as error:
            raise RequestError("invalid", str(error)) from error

    def _error_of(self, text: str) -> RequestError:
        """Return what an error of the library says, of which only the text tells."""
        code = _code(text)
        said = _MESSAGE.search(text)
        reason = f"{said[1].rstrip('.')} ({code})" if said and code else code
        if code == "NoSuchBucket":
            return RequestError("lasting", f"there is no bucket '{self._bucket}'")
        if code in _PASSING:
            return RequestError("passing", reason)
        if code in _DENIED:
            return RequestError("denied", reason)
        status = _STATUS.search(text)
        if status:
            return error_of_status(int(status[1]), reason)
        kind = _HTTP_KIND.search(text)
        if kind or "HTTP error" in text:
            says = _HTTP_SAYS.get(kind[1] if kind else "", "the request was cut off")
            return RequestError("passing", says)
        first = text.partition("\n")[0]
        denied = "credential" in text.lower() or "PermissionDenied" in text
        return RequestError("denied" if denied else "lasting", reason or first)


@functools.cache
def _first_process() -> int:
    """Return the process in which the library's threads run: they survive no fork."""
    return os.getpid()


def _has_credentials(config: Mapping[str, str]) -> bool:
    """Whether there is anything to sign requests with, or to ask for it."""
    return "access_key_id" in config or any(map(os.environ.get, _SOURCES))


def _code(text: str) -> str:
    found = _CODE.search(text) or _DELETE_CODE.search(text)
    return found[1] if found else ""


def _info(found: Any) -> ObjectInfo:
    return ObjectInfo(found["path"], found["size"], found["last_modified"].timestamp())
