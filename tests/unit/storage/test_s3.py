"""S3: credentials from the usual places, and what is said when something is wrong."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from pantler.errors import (
    AccessError,
    InvalidInputError,
    NotFoundError,
    SettingsError,
    StorageError,
)
from pantler.storage.aws_files import read_aws_files
from pantler.storage.interface import FilePart
from pantler.storage.opening import open_storage
from pantler.storage.request_policy import RequestPolicy
from pantler.testing.faulty_proxy import FaultyProxy
from pantler.testing.s3_server import environment_of

QUICK = RequestPolicy(attempts=3, first_wait_s=0.01, timeout_s=5)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, and an environment without anything of AWS."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    return tmp_path


@pytest.fixture
def proxy(s3_root, monkeypatch):
    port = urlsplit(os.environ["AWS_ENDPOINT_URL"]).port
    with FaultyProxy(port, delay_s=2) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        yield proxy


def be(user, monkeypatch):
    for name, value in environment_of(user, os.environ["AWS_ENDPOINT_URL"]).items():
        monkeypatch.setenv(name, value)


def test_credentials_are_read_from_the_files_of_aws(home, s3_environment, monkeypatch):
    (home / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = nobody\naws_secret_access_key = wrong\n"
        "[night]\naws_access_key_id = admin\naws_secret_access_key = secret-of-admin\n"
    )
    (home / ".aws" / "config").write_text(
        f"[profile night]\nendpoint_url = {s3_environment['AWS_ENDPOINT_URL']}\n"
        "region = us-east-1\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "night")
    storage = open_storage("s3://pantler-tests/by-profile")
    storage.write("a", b"x")
    assert storage.read("a") == b"x"


def test_the_environment_is_stronger_than_the_files(home, monkeypatch):
    (home / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = a\naws_secret_access_key = b\n"
        "region = here\nendpoint_url = http://there\n"
    )
    assert read_aws_files() == {
        "access_key_id": "a",
        "secret_access_key": "b",
        "region": "here",
        "endpoint": "http://there",
    }
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_REGION", "y")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://z")
    assert read_aws_files() == {}


def test_a_profile_that_is_nowhere_is_named(home, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "day")
    with pytest.raises(SettingsError, match=r"AWS_PROFILE names 'day'.*credentials"):
        open_storage("s3://pantler-tests")


def test_a_file_that_is_broken_is_named_without_its_lines(home):
    (home / ".aws" / "credentials").write_text("aws_secret_access_key = hush\n")
    with pytest.raises(SettingsError, match="credentials is not a file") as error:
        read_aws_files()
    assert "hush" not in str(error.value)


@pytest.mark.parametrize("uri", ["s3://", "s3:///folder", "s3://me:word@bucket/x"])
def test_a_uri_names_a_bucket_and_no_secrets(uri):
    with pytest.raises(InvalidInputError, match="BUCKET/FOLDER") as error:
        open_storage(uri)
    assert "word" not in str(error.value).replace("password", "")


def test_a_bucket_that_is_not_there_is_named(s3_root):
    storage = open_storage("s3://no-such-bucket/x", policy=QUICK)
    for work in (lambda: storage.read("a"), lambda: list(storage.list_files())):
        with pytest.raises(StorageError, match="there is no bucket 'no-such-bucket'"):
            work()


def test_who_may_only_read_is_refused_to_write(s3_root, monkeypatch):
    open_storage(s3_root).write("a", b"x")
    be("reader", monkeypatch)
    storage = open_storage(s3_root, policy=QUICK)
    assert storage.read("a") == b"x"
    for work in (
        lambda: storage.write("b", b"y"),
        lambda: storage.delete("a"),
        lambda: storage.copy("a", "b"),
    ):
        with pytest.raises(AccessError, match=rf"{s3_root}/[ab].*AccessDenied"):
            work()
    # Somebody who only looks gets a clock too.
    assert list(storage.list_files(settled=True)) == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wrong", "SignatureDoesNotMatch"),
        ("AWS_ACCESS_KEY_ID", "nobody", "InvalidAccessKeyId"),
    ],
)
def test_wrong_credentials_are_refused_with_the_reason(
    s3_root, monkeypatch, name, value, code
):
    monkeypatch.setenv(name, value)
    with pytest.raises(AccessError, match=code) as error:
        open_storage(s3_root, policy=QUICK).read("a")
    assert "secret-of-admin" not in str(error.value)


def test_a_signed_url_ends_and_lets_do_one_thing(s3_root):
    storage = open_storage(s3_root)
    storage.write("a", b"x")
    url = storage.signed_url("a", lifetime_s=1)
    request = urllib.request.Request(url, data=b"y", method="PUT")
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(request)
    refused.value.close()
    time.sleep(2.1)
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(url)
    refused.value.close()


@pytest.mark.parametrize(
    ("mischief", "reason"),
    [
        ("drop", r"the connection was lost|cannot be reached|cut off"),
        ("busy", "the server answers 503"),
        ("broken", "the server answers 500"),
        ("cut", "cut off|the connection was lost"),
        ("delay", "does not answer in time"),
    ],
)
def test_a_server_that_stays_bad_is_given_up_with_the_reason(
    s3_root, proxy, mischief, reason
):
    open_storage(s3_root).write("a", b"0123456789" * 100)
    proxy.misbehave(mischief)
    proxy.count_from_here()
    storage = open_storage(
        s3_root, policy=RequestPolicy(attempts=3, first_wait_s=0.01, timeout_s=1)
    )
    with pytest.raises(StorageError, match=f"Cannot read {s3_root}/a: .*{reason}"):
        storage.read("a")
    assert 2 <= proxy.traffic.requests <= 3


def test_a_server_that_denies_is_not_asked_again(s3_root, proxy):
    proxy.misbehave("deny")
    with pytest.raises(AccessError, match=f"{s3_root}/a.*403"):
        open_storage(s3_root, policy=QUICK).read("a")
    assert proxy.traffic.requests == 1


def test_a_server_that_is_gone_is_said_to_be(s3_root, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match=r"cannot be reached \(tried 3 times\)"):
        open_storage(s3_root, policy=QUICK).read("a")


def test_a_part_costs_its_bytes_and_many_deletes_one_request(s3_root, proxy):
    storage = open_storage(s3_root)
    storage.write("a", bytes(1_000_000))
    storage.stage_many({f"r/{n}": b"x" for n in range(300)})
    proxy.count_from_here()
    assert storage.read("a", offset=500_000, size=1000) == bytes(1000)
    assert (proxy.traffic.requests, proxy.traffic.received_bytes) == (1, 1000)
    proxy.count_from_here()
    storage.delete(*(f"r/{n}" for n in range(300)))
    assert proxy.traffic.requests == 1


def test_many_are_read_ten_times_as_fast_as_one_by_one_where_answers_are_late(
    s3_root, proxy
):
    """As they are from any store that is not on this host."""
    proxy._delay_s = 0.03
    storage = open_storage(s3_root)
    storage.stage_many({str(n): b"x" * 1000 for n in range(64)})
    proxy.misbehave("delay")
    parts = [FilePart(str(n)) for n in range(64)]
    begin = time.perf_counter()
    for part in parts[:16]:
        storage.read(part.path)
    one_by_one = (time.perf_counter() - begin) / 16
    best = min(_seconds(storage, parts) for _ in range(3)) / 64
    assert best * 10 <= one_by_one


def _seconds(storage, parts):
    begin = time.perf_counter()
    storage.read_many(parts)
    return time.perf_counter() - begin


def test_a_forked_child_is_refused_and_does_not_hang(s3_root):
    storage = open_storage(s3_root)
    storage.write("a", b"x")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = "nothing"
        try:
            storage.read("a")
        except StorageError as error:
            said = str(error)
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    assert b"forked" in os.read(reader, 10_000)
    os.close(reader)


def test_a_missing_file_is_not_found(s3_root):
    open_storage(s3_root).write("b", b"")
    with pytest.raises(NotFoundError, match=f"There is no file {s3_root}/a"):
        open_storage(s3_root).read("a")
