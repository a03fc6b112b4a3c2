"""Every user has a name, if only a number."""

from __future__ import annotations

import os
import pwd

from pantler.config.who import user_name


def test_a_user_is_known_by_name(monkeypatch):
    monkeypatch.setenv("LOGNAME", "vera")
    assert user_name() == "vera"


def test_a_user_id_without_a_name_is_a_number(monkeypatch):
    def unknown(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    assert user_name() == "user 4242"
