"""The files in which AWS keeps credentials and settings, as its own programs read them.

References
----------
.. [1] AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
"""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import Final

from pantler.errors import AccessError, SettingsError

_KEYS: Final = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
}
_SETTINGS: Final = {"region": "region", "endpoint_url": "endpoint"}


def read_aws_files() -> dict[str, str]:
    """Return what the files say of the profile in ``AWS_PROFILE``, or the default one.

    The environment is stronger: credentials are read only if it holds none, and the
    region and the endpoint if it does not name them.

    Raises
    ------
    SettingsError
        If the profile that was asked for is in none of them, or one cannot be
        understood.
    AccessError
        If one cannot be read.
    """
    asked = os.environ.get("AWS_PROFILE")
    profile = asked or "default"
    own = _section("AWS_SHARED_CREDENTIALS_FILE", "credentials", profile)
    section = profile if profile == "default" else f"profile {profile}"
    shared = _section("AWS_CONFIG_FILE", "config", section)
    if asked and not own and not shared:
        raise SettingsError(
            f"AWS_PROFILE names '{asked}', which is neither in ~/.aws/credentials nor "
            "in ~/.aws/config."
        )
    found = {**shared, **own}
    chosen = {ours: found[name] for name, ours in _SETTINGS.items() if name in found}
    if os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        chosen.pop("region", None)
    if os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        chosen.pop("endpoint", None)
    if not os.environ.get("AWS_ACCESS_KEY_ID"):
        chosen |= {ours: found[name] for name, ours in _KEYS.items() if name in found}
    return chosen


def _section(variable: str, name: str, section: str) -> dict[str, str]:
    given = os.environ.get(variable)
    file = Path(given).expanduser() if given else Path("~/.aws", name).expanduser()
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise AccessError(f"Cannot read {file}: {error.strerror}.") from error
    except (configparser.Error, UnicodeDecodeError):
        # Not what the parser says, which shows the line: it may hold a secret.
        raise SettingsError(f"{file} is not a file of AWS settings.") from None
    return dict(parser[section]) if parser.has_section(section) else {}
