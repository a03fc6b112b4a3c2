"""Storage on any store of objects: patience, grace, and what it says when it fails."""

from __future__ import annotations

import dataclasses
import threading
from uuid import uuid4

import pytest

from pantler.errors import (
    AccessError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PluginError,
    StorageError,
)
from pantler.storage.claims import claim
from pantler.storage.extras import import_extra
from pantler.storage.location import Location
from pantler.storage.memory import MemoryClient
from pantler.storage.objects import ObjectStorage
from pantler.storage.opening import open_storage
from pantler.storage.request_errors import RequestError, error_of_status
from pantler.storage.request_policy import RequestPolicy

QUICK = RequestPolicy(attempts=4, first_wait_s=0.001)


class FlakyClient(MemoryClient):
    """Fails as it is told before, or after, it does what it is asked for."""

    def __init__(self, *errors, after=False):
        super().__init__(str(uuid4()))
        self.errors = list(errors)
        self.after = after
        self.calls = []

    def _fail(self):
        if self.errors:
            error = self.errors.pop(0)
            if error:
                raise error

    def get(self, key, offset, size):
        self.calls.append("get")
        self._fail()
        return super().get(key, offset, size)

    def put(self, key, data, *, create):
        self.calls.append("put")
        if not self.after:
            self._fail()
        super().put(key, data, create=create)
        if self.after:
            self._fail()


def storage_on(client, policy=QUICK):
    return ObjectStorage(Location.parse("memory://x/r"), client, policy=policy)


def passing(reason="the line is noisy"):
    return RequestError("passing", reason)


def test_what_may_pass_is_tried_again():
    client = FlakyClient(passing(), passing(), passing())
    storage_on(client).write("a", b"x")
    assert client.calls == ["put"] * 4
    client.errors = [passing()]
    assert storage_on(client).read("a") == b"x"


def test_in_the_end_the_error_names_what_was_done_to_what_and_why():
    client = FlakyClient(*[passing()] * 9)
    with pytest.raises(StorageError) as error:
        storage_on(client).write("a b", b"x")
    assert str(error.value) == (
        "Cannot write memory://x/r/a%20b: the line is noisy (tried 4 times)."
    )
    assert client.calls == ["put"] * 4


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("denied", AccessError),
        ("lasting", StorageError),
        ("missing", NotFoundError),
        ("invalid", InvalidInputError),
    ],
)
def test_what_does_not_pass_is_not_tried_again(kind, raised):
    client = FlakyClient(RequestError(kind, "so it is"))
    with pytest.raises(raised, match="memory://x/r/a"):
        storage_on(client).read("a")
    assert client.calls == ["get"]


def test_a_create_whose_answer_was_lost_knows_its_own_file():
    client = FlakyClient(passing(), after=True)
    storage_on(client).write("a", b"mine", create=True)
    assert client.calls == ["put", "put", "get"]
    assert storage_on(client).read("a") == b"mine"


def test_a_create_that_was_too_late_after_a_lost_request_says_so():
    client = FlakyClient(passing())
    MemoryClient.put(client, "a", b"theirs", create=True)
    with pytest.raises(ConflictError, match="there already"):
        storage_on(client).write("a", b"mine", create=True)
    assert storage_on(client).read("a") == b"theirs"


def test_waits_grow_and_are_random_and_heed_the_server(monkeypatch):
    waits = []
    monkeypatch.setattr("pantler.storage.request_policy.time.sleep", waits.append)
    policy = RequestPolicy(attempts=5, first_wait_s=1, most_wait_s=3)
    busy = error_of_status(503, "", wait_s=100)
    for errors in ([passing()] * 4, [busy, *[passing()] * 3]):
        storage_on(FlakyClient(*errors), policy).write("a", b"")
    first, second = waits[:4], waits[4:]
    assert all(
        0 <= wait <= most for wait, most in zip(first, (1, 2, 3, 3), strict=True)
    )
    assert first != second
    assert 3 <= second[0] <= 4  # what the server asks for, but not longer than we wait


def test_secrets_are_left_out_of_errors():
    reason = (
        "GET https://me:word@host/x?X-Amz-Signature=deadbeef&token=abc failed\n for it"
    )
    client = FlakyClient(RequestError("lasting", reason))
    with pytest.raises(StorageError) as error:
        storage_on(client).read("a")
    assert "https://host/x failed for it" in str(error.value)
    for secret in ("word", "deadbeef", "abc", "me:"):
        assert secret not in str(error.value)


def test_one_of_many_that_cannot_be_written_leaves_nothing():
    client = FlakyClient(None, None, RequestError("lasting", "full"))
    storage = storage_on(client)
    with pytest.raises(StorageError, match="full"):
        storage.stage_many({str(n): b"x" for n in range(20)})
    assert list(storage.list_files()) == []


def test_no_more_requests_are_made_at_a_time_than_allowed():
    class SlowClient(MemoryClient):
        now = most = 0
        lock = threading.Lock()

        def put(self, key, data, *, create):
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            threading.Event().wait(0.005)
            super().put(key, data, create=create)
            with self.lock:
                self.now -= 1

    client = SlowClient(str(uuid4()))
    storage = storage_on(client, dataclasses.replace(QUICK, at_once=3))
    storage.stage_many({str(n): b"" for n in range(30)})
    assert client.most == 3


def test_a_young_file_without_a_record_is_not_taken_for_remains():
    uri = f"memory://{uuid4()}"
    open_storage(uri).write("a", b"x")
    assert list(open_storage(uri).list_files(settled=True)) == []
    at_once = open_storage(uri, policy=RequestPolicy(grace_s=0))
    assert list(at_once.list_files(settled=True)) == ["a"]
    # The clock is the store's; what is made to ask it is gone.
    assert list(at_once.list_files()) == ["a"]


def test_what_a_repair_has_removed_is_not_published():
    """A writer who was slow is told so."""
    uri = f"memory://{uuid4()}"
    slow = open_storage(uri, policy=RequestPolicy(grace_s=0))
    files = [slow.stage("a", b"x"), slow.stage("b", b"y")]
    slow.publish(files)
    slow.delete("b")
    with pytest.raises(StorageError, match=r"/b was written .* Store it again"):
        slow.publish(files)


def test_publishing_costs_no_request_where_no_repair_can_have_been():
    client = FlakyClient()
    storage = storage_on(client)
    storage.publish([storage.stage("c", b"z")])
    assert client.calls == ["put"]


def test_a_root_within_a_root_stops_who_would_take_its_files_for_remains():
    uri = f"memory://{uuid4()}"
    outer, inner = open_storage(uri), open_storage(f"{uri}/runs/inner")
    claim(outer, "us")
    claim(inner, "them")
    inner.write("x", b"")
    with pytest.raises(StorageError, match=r"runs/inner/\.pantler-root marks the root"):
        list(outer.list_files())
    assert list(inner.list_files()) == ["x"]


def test_control_characters_are_no_names():
    with pytest.raises(InvalidInputError, match="control characters"):
        open_storage(f"memory://{uuid4()}").write("a\nb", b"")


def test_a_library_that_is_missing_is_named_with_what_installs_it():
    with pytest.raises(PluginError, match=r"pip install 'pantler\[s3\]'"):
        import_extra("no_such_module", extra="s3", scheme="s3")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, "denied"),
        (401, "denied"),
        (404, "missing"),
        (412, "taken"),
        (429, "passing"),
        (503, "passing"),
        (507, "lasting"),
        (400, "lasting"),
    ],
)
def test_a_status_says_what_to_do(status, kind):
    assert error_of_status(status, "").kind == kind
