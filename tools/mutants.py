"""Change the code a little, many times, and count the changes that the tests find.

``make mutants`` runs it on the rooms whose logic decides what is found and made. A
mutant is one small change of one module: a comparison turned round, a constant moved by
one, a condition negated, a statement left out. The tests of its room kill it, or it
survives. Where fewer than 90 % of a room's mutants are killed, the exit code is 1.

It is a script of our own rather than mutmut or cosmic-ray, as it needs a sample of each
room with the tests of that room alone, in the source tree as it is, within minutes; the
change is made while the module is imported, in a fork of this process, so that no
file is written and no library loaded twice.

::

    python tools/mutants.py                      # a sample of each room
    python tools/mutants.py queries --count 500  # all of one
    python tools/mutants.py queries --show       # what survived, as changed code
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import functools
import importlib.abc
import importlib.util
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec
    from types import CodeType

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
LEAST_KILLED = 0.9
PATIENCE = 8
"""Tests of a mutant may take so many times longer than those of the true code."""

LIBRARIES = (
    "numpy",
    "polars",
    "pydantic",
    "sqlalchemy.dialects.sqlite",
    "astropy.nddata",
    "astropy.io.fits",
    "astropy.time",
    "astropy.units",
    "yaml",
    "pytest",
)
UNIT = "tests/unit"
_VALUES = "test_values.py::test_values_are_frozen_and_slotted[{}]".format
_REGISTRY = "../contract/test_sqlite_registry.py"
ROOMS: dict[str, dict[str, tuple[str, ...]]] = {
    "dimensions": {
        "dimensions/timespan.py": ("dimensions/test_timespan.py",),
        "dimensions/times.py": ("dimensions/test_times.py",),
        "dimensions/coordinate.py": ("dimensions/test_data_coordinate.py",),
        "dimensions/records.py": ("dimensions/test_dimension_records.py",),
        "dimensions/universe.py": ("dimensions/test_dimension_group.py",),
    },
    "queries": {
        "queries/lexer.py": ("queries",),
        "queries/parser.py": ("queries",),
        "queries/binding.py": ("queries",),
        "queries/conditions.py": ("queries",),
        "queries/analysis.py": ("queries",),
    },
    "registry": {
        "registry/sql/compile/joins.py": (
            _REGISTRY,
            "-knot wal and (slotted or data_ids or rows or relate or condition "
            "or overlap or region or records or datasets or mean)",
        ),
        "registry/sql/compile/predicates.py": (
            _REGISTRY,
            "-knot wal and (slotted or condition or region or overlap or chosen "
            "or mixed or mean)",
        ),
        "registry/sql/associations.py": (
            _REGISTRY,
            "-knot wal and (slotted or tag or calibration or valid or certified "
            "or range or member or deleted)",
        ),
        "registry/sql/collections.py": (
            _REGISTRY,
            "-knot wal and (slotted or chain or name or collection or once)",
        ),
        "registry/sql/data_ids.py": (
            _REGISTRY,
            "-knot wal and (slotted or data_id or dimensions or range or tag or once)",
        ),
    },
    "quanta": {
        "quanta/join/csr.py": ("quanta/join/test_csr.py",),
        "quanta/join/keys.py": ("quanta/join/test_keys.py",),
        "quanta/join/reduction.py": ("quanta/join/test_join_tree.py",),
        "quanta/building/alive.py": ("quanta/building",),
        "quanta/building/draft.py": ("quanta/building",),
    },
    "datastores": {
        "datastores/templates.py": ("datastores/test_path_templates.py",),
        "datastores/packs.py": ("datastores/test_packs.py",),
        "datastores/file.py": (
            "datastores/test_file_datastore.py",
            "../contract/test_datastore_suites.py",
        ),
        "datastores/layout.py": (
            "datastores/test_file_datastore.py",
            "../contract/test_datastore_suites.py",
        ),
    },
}
"""The modules of each room, and what has to kill their mutants.

Paths below ``tests/unit``, and options of pytest: the tests of the registry take so
long that each of its modules has those that are about it.
"""

PACKAGES = {"registry": "registry.sql"}
"""Packages whose values `_VALUES` looks at, where the room has another name."""

EQUIVALENT: dict[str, dict[str, str]] = {
    "dimensions/times.py": {
        'if ahead >= dt.timedelta(days=1) or int(match["minutes"] or 0) > 59: | '
        "0 → 1": "an offset without minutes, Z, is not too large either way",
        "if moment.year > 9000: | moment.year > 9000 → moment.year >= 9000": "refused "
        "below, in the same words",
        "if time_ns >= _LIMIT: | time_ns >= _LIMIT → time_ns > _LIMIT": "a datetime is "
        "in whole microseconds, which the limit is not",
    },
    "datastores/packs.py": {
        "MOST_MEMBERS: Final = 10_000 | 10000 → 10001": "any below 65,535 will do",
        "MOST_BYTES: Final = 1 << 30 | 1 → 2": "any well below 4 GiB will do",
        "MOST_BYTES: Final = 1 << 30 | 30 → 31": "any well below 4 GiB will do",
    },
    "datastores/templates.py": {
        'return _Field(name, name, -1, "", is_optional)  # type: ignore[arg-type] | '
        f"{change}": "only fields of dimensions have an index"
        for change in ("-1 → 1", "1 → 2")
    },
    "quanta/building/alive.py": {
        "if minimum and not (wanted.all() and (edges.counts >= minimum).all()): | "
        "edges.counts >= minimum → edges.counts > minimum": "only how often the "
        "counting is spared; the line below decides",
        "if minimum and not (wanted.all() and (edges.counts >= minimum).all()): | "
        "minimum and (not (wanted.all() and (edges.counts >= minimum).all())) → "
        "minimum or not (wanted.all() and (edges.counts >= minimum).all())": "as "
        "above; nothing is fewer than none",
    },
    "quanta/building/draft.py": {
        "shown = [table.data_ids.coordinate(int(place)) for place in found[:2]] | "
        "2 → 3": "two of them are shown",
    },
    "quanta/join/csr.py": {
        "if len(keys) > 1 and not np.all(keys[1:] >= keys[:-1]): | "
        "keys[1:] >= keys[:-1] → keys[1:] > keys[:-1]": "sorts what is sorted",
        "width = np.int64(int(columns.max(initial=0)) + 1) | 1 → 2": "a little wider "
        "than is needed; the pairs come back the same",
    },
    "quanta/join/reduction.py": {
        "covering = [r for r in self.relations if wanted <= r.names] | "
        "wanted <= r.names → wanted < r.names": "the smallest subtree is then that "
        "relation",
    },
    "quanta/join/keys.py": {
        "range_ = 1 | 1 → 2": "keys are made dense a little earlier, in the same order",
        "range_ *= max(size, 1) | 1 → 2": "as above, where a column has one value",
        "_MOST_KEYS = 2**62 | 62 → 63": "64 bits hold these too",
        "if range_ <= _MOST_KEYS: | range_ <= _MOST_KEYS → range_ < _MOST_KEYS": "then "
        "both sides are packed together, into keys as good",
        "keys = keys * size + column if range_ > 1 else column.astype(np.int64) | "
        "range_ > 1 → range_ >= 1": "adds to nothing but zeros",
    },
    "registry/sql/collections.py": {
        "sa.select(dataset.c.run_id).where(dataset.c.run_id == number).limit(1) | "
        "1 → 2": "any row will do",
    },
    "registry/sql/compile/predicates.py": {
        "if len(parts) <= _MOST_JOINED: | "
        "len(parts) <= _MOST_JOINED → len(parts) < _MOST_JOINED": "brackets earlier "
        "than needed",
    },
    "registry/sql/compile/joins.py": {
        "names.update(dict.fromkeys(new)) | names.update(dict.fromkeys(new)) → pass": (
            "what a supplier requires is there with it"
        ),
    },
}
"""Mutants that do what the code does, with the reason: they are not counted.

By module; each is the line without the blanks around it, what is changed, and what
into. One that no longer matches the code ends the script, so that none stays behind.
"""

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}


class Sites(ast.NodeVisitor):
    """The places of a module where a change would change what it does."""

    def __init__(self) -> None:
        self.found: list[tuple[ast.AST, str]] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Look at the body: annotations and decorators do nothing at run time."""
        if node.name in {"__repr__", "__str__"}:
            return
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        for statement in node.body:
            self.visit(statement)

    def visit_If(self, node: ast.If) -> None:
        """Leave out what is there for the type checker."""
        if "TYPE_CHECKING" in ast.unparse(node.test):
            return
        self.found.append((node, "negate"))
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Leave out messages."""
        self.found.append((node, "drop"))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Leave out annotations."""
        if node.value is not None:
            self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        """Leave out docstrings."""
        if isinstance(node.value, ast.Call):
            self.found.append((node, "drop"))
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Leave out a sum."""
        self.found.append((node, "drop"))
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """Take the other of two values."""
        self.found.append((node, "negate"))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Turn a comparison round, or move it by its bound."""
        if type(node.ops[0]) in _COMPARISONS:
            self.found.append((node, "compare"))
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Take another operator."""
        if type(node.op) in _ARITHMETIC:
            self.found.append((node, "operator"))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """Put and for or."""
        self.found.append((node, "boolean"))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """Leave out a minus or a not."""
        if isinstance(node.op, ast.Not | ast.USub | ast.Invert):
            self.found.append((node, "unary"))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Take the next number, or the other truth value."""
        if isinstance(node.value, bool | int):
            self.found.append((node, "constant"))

    def visit_keyword(self, node: ast.keyword) -> None:
        """Leave out ``zip``'s strict: no call that keeps to its contract can tell."""
        if node.arg != "strict":
            self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave out text for people."""


def sites(tree: ast.Module) -> list[tuple[ast.AST, str]]:
    """Return the nodes to change, each with the kind of change."""
    visitor = Sites()
    visitor.visit(tree)
    return visitor.found


def change(node: ast.AST, kind: str) -> ast.AST:
    """Return what stands in place of a node."""
    new = copy.deepcopy(node)
    match new, kind:
        case (ast.If() | ast.IfExp(), "negate"):
            new.test = ast.UnaryOp(ast.Not(), new.test)
        case ast.stmt(), "drop":
            new = ast.Pass()
        case ast.Compare(), "compare":
            new.ops[0] = _COMPARISONS[type(new.ops[0])]()
        case ast.BinOp(), "operator":
            new.op = _ARITHMETIC[type(new.op)]()
        case ast.BoolOp(), "boolean":
            new.op = ast.Or() if isinstance(new.op, ast.And) else ast.And()
        case ast.UnaryOp(), "unary":
            new = new.operand
        case ast.Constant(value=bool()), "constant":
            new.value = not new.value
        case ast.Constant(), "constant":
            new.value += 1
    return ast.copy_location(new, node)


class _Replacing(ast.NodeTransformer):
    def __init__(self, node: ast.AST, new: ast.AST) -> None:
        self._node, self._new = node, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._node else self.generic_visit(node)


def mutated(text: str, number: int) -> ast.Module:
    """Return a module's tree with its site of some number changed."""
    tree = ast.parse(text)
    node, kind = sites(tree)[number]
    return ast.fix_missing_locations(_Replacing(node, change(node, kind)).visit(tree))


class _Loader(importlib.abc.InspectLoader):
    """Loads one module changed; nothing is written, and no cache is read."""

    def __init__(self, path: Path, number: int) -> None:
        self._path, self._number = path, number

    def get_source(self, fullname: str) -> str:  # noqa: ARG002
        """Return the text as it is, for tracebacks."""
        return self._path.read_text("utf-8")

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the changed tree."""
        tree = mutated(self.get_source(fullname), self._number)
        code: CodeType = compile(tree, str(self._path), "exec", dont_inherit=True)
        return code


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, path: Path, number: int) -> None:
        parts = path.relative_to(SOURCE).with_suffix("").parts
        self._name, self._path, self._number = ".".join(parts), path, number

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(self._path, self._number)
        return importlib.util.spec_from_file_location(
            fullname, self._path, loader=loader
        )


@dataclass(frozen=True)
class Mutant:
    """One change of one module.

    Parameters
    ----------
    module
        Its path below ``src/pantler``.
    number
        Which of its sites.
    tests
        What has to kill it.
    """

    module: str
    number: int
    tests: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The module's file."""
        return SOURCE / "pantler" / self.module

    @property
    def line(self) -> int:
        """Where it is."""
        node, _ = self._site()
        return int(getattr(node, "lineno", 0))

    def what(self) -> str:
        """Return the change, as ``old → new``."""
        node, kind = self._site()
        old, new = ast.unparse(node), ast.unparse(change(node, kind))
        if isinstance(node, ast.If):
            old, new = old.partition("\n")[0], new.partition("\n")[0]
        return f"{old} → {new}"

    def key(self) -> str:
        """Return how `EQUIVALENT` names it."""
        text = self.path.read_text("utf-8").splitlines()[self.line - 1]
        return f"{text.strip()} | {self.what()}"

    def describe(self) -> str:
        """Return where it is, and what was changed into what."""
        return f"{self.module}:{self.line}: {self.what()}"

    def _site(self) -> tuple[ast.AST, str]:
        return _sites_of(self.path)[self.number]


@functools.cache
def _sites_of(path: Path) -> list[tuple[ast.AST, str]]:
    return sites(ast.parse(path.read_text("utf-8")))


class Jury:
    """Runs tests in forks of this process, each with a module of its own changed.

    The libraries that all tests import are loaded once, here, and nothing of pantler
    is: so a mutant takes no more time than its tests.

    Parameters
    ----------
    processes
        How many run at once.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        for name in LIBRARIES:
            importlib.import_module(name)
        if loaded := [n for n in sys.modules if n.partition(".")[0] == "pantler"]:
            sys.exit(f"Cannot be changed any more: {', '.join(loaded)}")

    def seconds_of(self, tests: tuple[str, ...]) -> float | None:
        """Return how long tests take with the code as it is; None if they fail."""
        began = time.monotonic()
        _, status = os.waitpid(_start(tests, None), 0)
        return None if status else time.monotonic() - began

    def survivors(
        self, mutants: list[Mutant], patience: dict[tuple[str, ...], float]
    ) -> Iterator[Mutant]:
        """Yield the mutants that pass their tests; too slow is failed."""
        todo, running = mutants[::-1], dict[int, tuple[Mutant, float]]()
        while todo or running:
            while todo and len(running) < self._processes:
                mutant = todo.pop()
                deadline = time.monotonic() + patience[mutant.tests]
                running[_start(mutant.tests, mutant)] = mutant, deadline
            for number, (mutant, deadline) in list(running.items()):
                done, status = os.waitpid(number, os.WNOHANG)
                if done:
                    del running[number]
                    if not status:
                        yield mutant
                elif time.monotonic() > deadline:
                    os.killpg(number, signal.SIGKILL)
            time.sleep(0.02)


def _start(tests: tuple[str, ...], mutant: Mutant | None) -> int:
    """Run tests in a fork; return its process number, which is that of its group."""
    child = os.fork()
    if child:
        with contextlib.suppress(OSError):  # it does the same
            os.setpgid(child, child)
        return child
    status = 1
    try:
        os.setpgid(0, 0)
        os.chdir(ROOT)
        silence = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(silence, descriptor)
        if mutant is not None:
            sys.meta_path.insert(0, _Finder(mutant.path, mutant.number))
        os.environ["HYPOTHESIS_PROFILE"] = "mutants"
        status = pytest_status(tests)
    finally:
        os._exit(status)


def pytest_status(tests: tuple[str, ...]) -> int:
    """Run tests in this process; return 0 if they pass."""
    import pytest

    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    options += [test for test in tests if test.startswith("-")]
    paths = [t for t in tests if not t.startswith("-")]
    return int(
        pytest.main([*options, *(os.path.normpath(f"{UNIT}/{p}") for p in paths)])
    )


def choose(room: str, count: int, seed: int) -> list[Mutant]:
    """Return a sample of a room's mutants, the same for the same seed."""
    values = _VALUES(PACKAGES.get(room, room))
    found = []
    for module, tests in ROOMS[room].items():
        path = SOURCE / "pantler" / module
        every = {
            mutant: mutant.key()
            for number in range(len(_sites_of(path)))
            for mutant in [Mutant(module, number, (values, *tests))]
        }
        equivalent = EQUIVALENT.get(module, {}).keys()
        if stale := equivalent - every.values():
            sys.exit(f"{module} has no such mutant: {stale.pop()}")
        found += [mutant for mutant, key in every.items() if key not in equivalent]
    return random.Random(seed).sample(found, min(count, len(found)))


def judge(room: str, jury: Jury, options: argparse.Namespace) -> bool:
    """Run the mutants of a room, print how it did, return whether it did well."""
    chosen = choose(room, options.count, options.seed)
    patience = {}
    for tests in {mutant.tests for mutant in chosen}:
        seconds = jury.seconds_of(tests)
        if seconds is None:
            sys.exit(f"{room}: the tests fail without any change: {' '.join(tests)}")
        patience[tests] = 10 + PATIENCE * seconds
    survivors = []
    for mutant in jury.survivors(chosen, patience):
        survivors.append(mutant)
        if options.show:
            print(f"  {mutant.describe()}", flush=True)
    killed = len(chosen) - len(survivors)
    share = killed / len(chosen)
    print(f"{room:12} {killed:4} killed {len(survivors):4} survived  {share:6.1%}")
    if not options.show and share < LEAST_KILLED:
        for mutant in survivors:
            print(f"  {mutant.describe()}")
    sys.stdout.flush()
    return share >= LEAST_KILLED


def main() -> int:
    """Judge the rooms that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rooms", nargs="*", choices=[[], *ROOMS], default=[])
    parser.add_argument("--count", type=int, default=40, help="mutants of each room")
    parser.add_argument("--seed", type=int, default=1, help="another sample")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--show", action="store_true", help="print what survived")
    options = parser.parse_args()
    jury = Jury(options.processes)
    good = [judge(room, jury, options) for room in options.rooms or ROOMS]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
