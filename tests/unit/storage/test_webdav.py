"""WebDAV and HTTPS: passwords from netrc, what is refused, and what is left behind."""

from __future__ import annotations

import pytest

from pantler.errors import (
    AccessError,
    InvalidInputError,
    NotFoundError,
    SettingsError,
    StorageError,
)
from pantler.storage.opening import open_storage
from pantler.storage.request_policy import RequestPolicy
from pantler.testing.faulty_proxy import FaultyProxy

QUICK = RequestPolicy(attempts=2, first_wait_s=0.01, timeout_s=5)


def test_any_web_server_can_be_read(apache_root):
    open_storage(apache_root).write("a b/x#1", b"0123456789")
    storage = open_storage(apache_root.replace("dav://", "http://"))
    assert storage.read("a b/x#1") == b"0123456789"
    assert storage.read("a b/x#1", offset=2, size=3) == b"234"
    assert storage.read("a b/x#1", offset=8) == b"89"
    assert storage.read("a b/x#1", offset=10) == b""
    assert storage.size_bytes("a b/x#1") == 10
    with storage.reading("a b/x#1") as local:
        assert local.read_bytes() == b"0123456789"
    with pytest.raises(NotFoundError, match=f"{storage.root}none"):
        storage.read("none")


@pytest.mark.parametrize(
    "work",
    [
        lambda storage: storage.write("a", b""),
        lambda storage: storage.write("a", b"", create=True),
        lambda storage: storage.delete("a"),
        lambda storage: storage.copy("a", "b"),
        lambda storage: list(storage.list_files()),
        lambda storage: storage.signed_url("a"),
    ],
    ids=["write", "create", "delete", "copy", "list", "sign"],
)
def test_a_web_server_can_only_be_read(work):
    with pytest.raises(
        InvalidInputError, match=r"this storage cannot '\w+' \(it can: "
    ):
        work(open_storage("https://127.0.0.1:9/x"))


@pytest.mark.parametrize("scheme", ["https", "dav", "davs"])
def test_a_uri_holds_no_password(scheme):
    with pytest.raises(InvalidInputError, match="netrc") as error:
        open_storage(f"{scheme}://me:hush@host/x")
    assert "hush" not in str(error.value)
    with pytest.raises(InvalidInputError, match="HOST"):
        open_storage(f"{scheme}:///x")


def test_a_wrong_password_is_refused_and_not_shown(apache_root, tmp_path, monkeypatch):
    file = tmp_path / "wrong"
    file.write_text("machine 127.0.0.1 login observer password hush\n")
    monkeypatch.setenv("NETRC", str(file))
    with pytest.raises(AccessError, match=f"{apache_root}/a: .*401") as error:
        open_storage(apache_root, policy=QUICK).read("a")
    assert "hush" not in str(error.value)


def test_a_broken_netrc_is_named_without_its_lines(tmp_path, monkeypatch):
    file = tmp_path / "broken"
    file.write_text("login hush without a machine\n")
    monkeypatch.setenv("NETRC", str(file))
    with pytest.raises(SettingsError, match="broken cannot be read") as error:
        open_storage("https://host/x")
    assert "hush" not in str(error.value)


def test_a_killed_writer_leaves_an_unfinished_file_that_a_repair_finds(apache_root):
    storage = open_storage(apache_root, policy=RequestPolicy(grace_s=0))
    storage.write("a/b.txt", b"whole")
    left = f".tmp-{'0' * 32}-1.txt"
    storage._client._ask("PUT", f"a/{left}", content=b"half")
    assert list(storage.list_files()) == ["a/b.txt"]
    assert open_storage(apache_root).abandoned() == []
    assert storage.abandoned() == [f"a/{left}"]
    storage.delete(f"a/{left}")
    assert storage.abandoned() == []


@pytest.mark.parametrize(
    ("mischief", "raised", "reason"),
    [
        ("drop", StorageError, "lost or cut off"),
        ("cut", StorageError, "lost or cut off"),
        ("busy", StorageError, "503"),
        ("deny", AccessError, "403"),
    ],
)
def test_a_server_that_stays_bad_is_given_up_with_the_reason(
    nginx_root, mischief, raised, reason
):
    open_storage(nginx_root).write("a", b"0123456789" * 100)
    host, _, folder = nginx_root.removeprefix("dav://").partition("/")
    with FaultyProxy(int(host.rpartition(":")[2])) as proxy:
        root = f"http://127.0.0.1:{proxy.port}/{folder}"
        proxy.misbehave(mischief)
        with pytest.raises(raised, match=f"Cannot read {root}/a: .*{reason}"):
            open_storage(root, policy=QUICK).read("a")
        proxy.misbehave()
        proxy.count_from_here()
        assert open_storage(root).read("a", offset=500, size=10) == b"0123456789"
        assert (proxy.traffic.requests, proxy.traffic.received_bytes) == (1, 10)
