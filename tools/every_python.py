"""Run the tests on every Python that pantler supports, each in its own environment.

``make test-all`` runs it. A Python that is not installed is named, and left out; the
exit code says whether the tests passed on all that are there.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
TESTS = ("-m", "pytest", "-n", "2", "--dist", "loadgroup", "-q")


def find(version: str) -> str | None:
    """Return a Python of a version that really runs, or None."""
    pyenv = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*"))
    candidates = [
        shutil.which(f"python{version}"),
        *(str(folder / "bin" / "python") for folder in reversed(pyenv)),
    ]
    check = f"import sys, venv, ensurepip; assert sys.version.startswith('{version}.')"
    for candidate in filter(None, candidates):
        # What is on the path may be a shim that runs nothing.
        words = [candidate, "-c", check]
        if subprocess.run(words, capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def prepare(version: str, python: str) -> str:
    """Make or renew the environment of a version; return its Python."""
    folder = ROOT / f".venv-{version}"
    if not (folder / "bin" / "python").exists():
        subprocess.run([python, "-m", "venv", folder], check=True)
    own = str(folder / "bin" / "python")
    pip = [own, "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--upgrade", "pip>=25.1"], check=True)
    subprocess.run(
        [*pip, "--editable", ".[postgresql,science]", "--group", "test"],
        cwd=ROOT,
        check=True,
    )
    return own


def main(words: list[str]) -> int:
    """Run the tests, with further words for pytest; print what became of each."""
    fates = {}
    for version in VERSIONS:
        python = find(version)
        if python is None:
            fates[version] = "missing: not installed here"
            continue
        print(f"Python {version}: {python}", flush=True)
        try:
            own = prepare(version, python)
        except subprocess.CalledProcessError as error:
            fates[version] = f"failed: {error}"
            continue
        done = subprocess.run([own, *TESTS, *words], cwd=ROOT, check=False)
        fates[version] = "failed" if done.returncode else "passed"
    for version, fate in fates.items():
        print(f"Python {version}  {fate}")
    return int(any(fate.startswith("failed") for fate in fates.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
