"""The house keeps its rules: sizes, names, weight of imports, the tree of errors."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import pantler
from pantler import errors

SOURCE = Path(pantler.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
MODULES = [str(file.relative_to(SOURCE)) for file in FILES]

MOST_FILE_LINES = 600
MOST_BODY_LINES = 50
MOST_CLASS_LINES = 350
MOST_PUBLIC_METHODS = 20
HEAVY = ("sqlalchemy", "polars", "astropy", "click", "fastapi", "httpx", "numpy")
FORBIDDEN_NAMES = ("Manager", "Helper", "Util")

# Each exception has its reason.
FILE_EXCEPTIONS = {
    "butler/repository.py": "all that is done to rows and files together",
    "butler/interface.py": "one door, whose documentation is most of its lines",
}
CLASS_EXCEPTIONS = {
    "butler/interface.py:Butler": "one door, whose documentation is most of its lines",
    "butler/direct.py:DirectButler": "the same door, opened",
    "butler/repository.py:Repository": "all that is done to rows and files together, "
    "whose documentation is most of its lines",
    "storage/local.py:LocalStorage": "all of one interface, that of storage",
    "storage/objects.py:ObjectStorage": "the same",
    "datastores/interface.py:Datastore": "all that a datastore does, mostly words",
    "datastores/file.py:FileDatastore": "the same, done",
    "datastores/chained.py:ChainedDatastore": "the same, by others",
    "datastores/memory.py:MemoryDatastore": "the same, in memory",
    "queries/results.py:Results": "all that users do with rows, found by completion in "
    "one place: choosing, exporting, counting",
}


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"))


def _lines(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1


def _body_lines(function: ast.FunctionDef) -> int:
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("file", FILES, ids=MODULES)
def test_a_file_is_of_a_size_to_be_read(file):
    if str(file.relative_to(SOURCE)) in FILE_EXCEPTIONS:
        return
    assert len(file.read_text("utf-8").splitlines()) <= MOST_FILE_LINES


@pytest.mark.parametrize("file", FILES, ids=MODULES)
def test_functions_and_classes_are_of_a_size_to_be_read(file):
    for node in ast.walk(_tree(file)):
        where = f"{file.relative_to(SOURCE)}:{getattr(node, 'name', '')}"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert _body_lines(node) <= MOST_BODY_LINES, where
            arguments = node.args
            count = len(arguments.posonlyargs + arguments.args + arguments.kwonlyargs)
            first = (arguments.posonlyargs + arguments.args)[:1]
            own = bool(first) and first[0].arg in {"self", "cls"}
            assert count - own <= 8, f"{where} has too many parameters"
        elif isinstance(node, ast.ClassDef):
            assert not any(word in node.name for word in FORBIDDEN_NAMES), where
            assert not node.name.startswith("Base"), where
            if where in CLASS_EXCEPTIONS:
                continue
            assert _lines(node) <= MOST_CLASS_LINES, where
            public = [
                child.name
                for child in node.body
                if isinstance(child, ast.FunctionDef) and not child.name.startswith("_")
            ]
            assert len(public) <= MOST_PUBLIC_METHODS, where


@pytest.mark.parametrize("file", FILES, ids=MODULES)
def test_a_file_says_what_it_is(file):
    assert ast.get_docstring(_tree(file)), "no module docstring"


@pytest.mark.parametrize(
    "file", [f for f in FILES if f.name == "__init__.py" and f.parent != SOURCE]
)
def test_a_package_opens_with_three_lines_and_holds_no_code(file):
    tree = _tree(file)
    docstring = ast.get_docstring(tree) or ""
    assert len(tree.body) == 1, "code in __init__"
    assert "Not here" in docstring
    assert "Start with" in docstring


def test_names_of_packages_say_what_they_hold():
    assert not [f for f in FILES if f.parent.name in {"utils", "helpers", "common"}]


def _loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_importing_pantler_loads_nothing_heavy():
    assert not _loaded_by("import pantler").intersection(HEAVY)


def test_the_help_of_the_command_loads_nothing_heavy():
    code = (
        "import pantler.cli.main as m; "
        "[m.cli.get_command(None, name) for name in m.cli.list_commands(None)]"
    )
    assert not _loaded_by(code).intersection(set(HEAVY) - {"click"})


def test_a_repository_in_sqlite_needs_no_other_database(tmp_path):
    loaded = _loaded_by(
        f"import pantler; pantler.Butler.create({str(tmp_path / 'r')!r})"
    )
    assert "sqlalchemy.dialects.sqlite" in loaded
    assert not loaded & {"sqlalchemy.dialects.postgresql", "psycopg", "alembic"}


def test_every_public_name_can_be_had():
    assert len(pantler.__all__) <= 40
    assert pantler.__all__ == sorted(pantler.__all__)
    for name in pantler.__all__:
        assert getattr(pantler, name) is not None


def _error_classes() -> list[type[errors.PantlerError]]:
    found = [errors.PantlerError]
    for cls in found:
        found.extend(cls.__subclasses__())
    return found


def test_errors_form_one_tree_and_each_has_its_own_kind():
    classes = _error_classes()
    kinds = [cls.kind for cls in classes]
    assert len(set(kinds)) == len(kinds)
    for cls in classes:
        assert cls.__name__ in errors.__doc__
    raised_elsewhere = [cls for cls in classes if cls.__module__ != errors.__name__]
    assert not raised_elsewhere


def test_every_entry_point_of_ours_can_be_loaded():
    from importlib.metadata import distribution

    for point in distribution("pantler").entry_points:
        assert point.load() is not None, point


def test_every_module_can_be_imported():
    # In one process: import-linter sees to it that no modules import each other in a
    # circle, so what was imported before makes no difference.
    names = [
        module.name
        for module in pkgutil.walk_packages(pantler.__path__, "pantler.")
        if not module.ispkg
    ]
    for name in names:
        importlib.import_module(name)


# Where a library may be imported; each backend stays behind its own fence.
FENCES = {
    "sqlalchemy": ("registry/sql",),
    "sqlite3": ("registry/sql",),
    "click": ("cli",),
    "astropy.io": ("formatters", "instruments", "ingest", "science"),
    "PIL": ("formatters", "science"),
    "photutils": ("science",),
    "reproject": ("science",),
    "scipy": ("science",),
    "httpx": ("storage",),
    "obstore": ("storage",),
    # Which serves only repositories whose settings name it.
    "pickle": ("formatters/pickled.py",),
    "lsst": (),
}


def _imports(file: Path) -> set[str]:
    """Return all modules that a file imports anywhere, also inside functions."""
    found = set()
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


@pytest.mark.parametrize("file", FILES, ids=MODULES)
def test_a_library_is_imported_only_behind_its_fence(file):
    place = file.relative_to(SOURCE).as_posix()
    for library, rooms in FENCES.items():
        inside = any(f"{place}/".startswith(f"{room}/") for room in rooms)
        used = {
            m for m in _imports(file) if m == library or m.startswith(f"{library}.")
        }
        assert inside or not used, f"{place} imports {sorted(used)}"


@pytest.mark.parametrize("file", FILES, ids=MODULES)
def test_nothing_evaluates_text_or_loads_unsafe_yaml(file):
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            assert name not in {"eval", "exec", "yaml.load", "yaml.unsafe_load"}, name


@pytest.mark.parametrize("file", FILES, ids=MODULES)
def test_yaml_is_read_in_one_place_with_bounds(file):
    if file.relative_to(SOURCE).as_posix() == "config/yaml_text.py":
        return
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "yaml":
            assert node.attr not in {"safe_load", "compose", "parse", "scan"}


def test_what_one_database_says_its_way_stands_in_its_own_files():
    both = {"BEGIN", "ANALYZE"}
    words = {
        "sqlite": {"PRAGMA", "sqlite_master", "json_each", "GLOB", "in_transaction"},
        "postgresql": {"pg_", "COPY", "TRUNCATE", "ISOLATION", "sqlstate"},
    }
    for file in sorted((SOURCE / "registry").rglob("*.py")):
        text = file.read_text("utf-8")
        own = file.name.partition(".")[0].partition("_")[0]
        foreign = set().union(*(words[name] for name in words if name != own))
        if own not in words:
            foreign |= both
        assert not [word for word in foreign if word in text], file
