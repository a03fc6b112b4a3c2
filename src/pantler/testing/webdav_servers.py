"""WebDAV servers for tests: Apache and nginx, which differ most."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pantler.testing.programs import NoServerError, RunningProgram, free_ports, listens

if TYPE_CHECKING:
    from collections.abc import Iterator

_APACHE_MODULES: Final = Path("/usr/lib/apache2/modules")
_NGINX_MODULE: Final = Path("/usr/lib/nginx/modules/ngx_http_dav_ext_module.so")
_APACHE: Final = (
    *("mpm_event", "authz_core", "authn_core", "authn_file", "authz_user"),
    *("auth_basic", "dav", "dav_fs", "dav_lock", "mime"),
)
USER: Final = "observer"
PASSWORD: Final = "moon"  # noqa: S105 - of a server that lives as long as the tests


@contextlib.contextmanager
def apache_server() -> Iterator[int]:
    """Run Apache with a folder that takes what `USER` sends; yield its port.

    Raises
    ------
    NoServerError
        If there is no Apache with its WebDAV modules.
    """
    program = shutil.which("apache2") or shutil.which("httpd")
    if program is None or not (_APACHE_MODULES / "mod_dav_fs.so").exists():
        raise NoServerError(
            "There is no Apache here. Install it: 'apt-get install apache2'."
        )
    with RunningProgram("apache") as running:
        folder = running.folder
        (port,) = free_ports(1)
        _make_root(folder)
        (folder / "users").write_text(f"{USER}:{_hash_of(PASSWORD)}\n")
        (folder / "mime").touch()
        modules = "\n".join(
            f"LoadModule {name}_module {_APACHE_MODULES}/mod_{name}.so"
            for name in _APACHE
        )
        (folder / "conf").write_text(f"""
ServerRoot {folder}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {folder}/pid
Mutex file:{folder} default
ErrorLog {folder}/log
{modules}
{_account_of_apache()}
TypesConfig {folder}/mime
DavLockDB {folder}/locks
DocumentRoot {folder}/root
AllowEncodedSlashes NoDecode
<Directory {folder}/root>
 Dav On
 AuthType Basic
 AuthName dav
 AuthUserFile {folder}/users
 Require valid-user
</Directory>
""")
        words = [program, "-f", str(folder / "conf"), "-D", "FOREGROUND"]
        running.start(words, lambda: listens(port))
        yield port


@contextlib.contextmanager
def nginx_server() -> Iterator[int]:
    """Run nginx with a folder that takes what anybody sends; yield its port.

    Raises
    ------
    NoServerError
        If there is no nginx with its WebDAV modules.
    """
    program = shutil.which("nginx")
    if program is None or not _NGINX_MODULE.exists():
        raise NoServerError(
            "There is no nginx with WebDAV here. Install it: "
            "'apt-get install nginx libnginx-mod-http-dav-ext'."
        )
    with RunningProgram("nginx") as running:
        folder = running.folder
        (port,) = free_ports(1)
        _make_root(folder)
        (folder / "conf").write_text(f"""
load_module {_NGINX_MODULE};
{"user root;" if os.geteuid() == 0 else ""}
daemon off;
pid {folder}/pid;
error_log {folder}/log;
events {{}}
http {{
 access_log off;
 client_body_temp_path {folder}/body;
 proxy_temp_path {folder}/t1;
 fastcgi_temp_path {folder}/t2;
 uwsgi_temp_path {folder}/t3;
 scgi_temp_path {folder}/t4;
 client_max_body_size 0;
 server {{
  listen 127.0.0.1:{port};
  root {folder}/root;
  dav_methods PUT DELETE MKCOL COPY MOVE;
  dav_ext_methods PROPFIND OPTIONS;
  create_full_put_path on;
 }}
}}
""")
        words = [program, "-c", str(folder / "conf"), "-e", str(folder / "log")]
        running.start(words, lambda: listens(port))
        yield port


def _make_root(folder: Path) -> None:
    folder.chmod(0o755)
    (folder / "root").mkdir()
    if os.geteuid() == 0 and shutil.which("apache2"):
        with contextlib.suppress(LookupError):
            for each in (folder, folder / "root"):
                shutil.chown(each, "www-data", "www-data")


def _account_of_apache() -> str:
    """Return who serves in place of root."""
    return "User www-data\nGroup www-data" if os.geteuid() == 0 else ""


def _hash_of(password: str) -> str:
    """Return a password as Apache keeps it, in its oldest way, which needs no tool."""
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return f"{{SHA}}{base64.b64encode(digest).decode()}"
