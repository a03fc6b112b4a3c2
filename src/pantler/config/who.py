"""Who runs us."""

from __future__ import annotations

import getpass
import os


def user_name() -> str:
    """Return the name of the user; the number of one without a name, as ``user 1234``.

    Containers and batch systems run programs under user IDs that no file of users
    names.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"user {os.getuid()}"
