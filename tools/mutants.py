"""Change the code a little, many times, and count the changes that the tests find.

``make mutants`` runs it on the rooms whose logic decides what is found and made. A
mutant is one small change of one module: a comparison turned round, a constant moved by
one, a condition negated, a statement left out. The tests of its room kill it, or it
survives. Where fewer than 90 % of a room's mutants are killed, the exit code is 1.

It is a script of our own rather than mutmut or cosmic-ray, as it needs a sample of each
room with the tests of that room alone, in the source tree as it is, within minutes; the
change is made while the module is imported, so that no file is written.

::

    python tools/mutants.py                      # a sample of each room
    python tools/mutants.py queries --count 500  # all of one
    python tools/mutants.py queries --show       # what survived, as changed code
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import copy
import importlib.abc
import importlib.util
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import CodeType

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
LEAST_KILLED = 0.9
PATIENCE = 8
"""Tests of a mutant may take so many times longer than those of the true code."""

UNIT = "tests/unit"
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
        "registry/sql/compile/joins.py": ("../contract/test_sqlite_registry.py",),
        "registry/sql/compile/predicates.py": ("../contract/test_sqlite_registry.py",),
        "registry/sql/associations.py": ("../contract/test_sqlite_registry.py",),
        "registry/sql/collections.py": ("../contract/test_sqlite_registry.py",),
        "registry/sql/data_ids.py": ("../contract/test_sqlite_registry.py",),
    },
    "quanta": {
        "quanta/join/csr.py": ("quanta/join",),
        "quanta/join/keys.py": ("quanta/join", "quanta/building"),
        "quanta/join/reduction.py": ("quanta/join", "quanta/building"),
        "quanta/building/alive.py": ("quanta/building",),
        "quanta/building/draft.py": ("quanta/building",),
    },
    "datastores": {
        "datastores/templates.py": ("datastores/test_path_templates.py",),
        "datastores/packs.py": ("datastores", "../contract/test_datastore_suites.py"),
        "datastores/file.py": ("datastores", "../contract/test_datastore_suites.py"),
        "datastores/layout.py": ("datastores", "../contract/test_datastore_suites.py"),
    },
}

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

    def describe(self) -> str:
        """Return where it is, and what was changed into what."""
        node, kind = sites(ast.parse(self.path.read_text("utf-8")))[self.number]
        old, new = ast.unparse(node), ast.unparse(change(node, kind))
        if isinstance(node, ast.If):
            old, new = old.partition("\n")[0], new.partition("\n")[0]
        return f"{self.module}:{node.lineno}: {old}  →  {new}"

    def survives(self, patience_s: float) -> bool:
        """Run its tests."""
        return run_tests(self.tests, patience_s, f"{self.module}:{self.number}")


def run_tests(tests: tuple[str, ...], patience_s: float, mutant: str = "") -> bool:
    """Return whether tests pass, in a process of their own; too slow is failed."""
    environment = {**os.environ, "PANTLER_MUTANT": mutant, "HYPOTHESIS_PROFILE": "ci"}
    environment["PYTHONPATH"] = str(Path(__file__).parent)
    paths = [os.path.normpath(f"{UNIT}/{test}") for test in tests]
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "mutants", "-p", "no:xdist"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *paths],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            timeout=patience_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def choose(room: str, count: int, seed: int) -> list[Mutant]:
    """Return a sample of a room's mutants, the same for the same seed."""
    found = [
        Mutant(module, number, tests)
        for module, tests in ROOMS[room].items()
        for number in range(
            len(sites(ast.parse((SOURCE / "pantler" / module).read_text("utf-8"))))
        )
    ]
    return random.Random(seed).sample(found, min(count, len(found)))


def judge(room: str, options: argparse.Namespace) -> bool:
    """Run the mutants of a room, print how it did, return whether it did well."""
    chosen = choose(room, options.count, options.seed)
    patience = {}
    for tests in {mutant.tests for mutant in chosen}:
        began = time.monotonic()
        if not run_tests(tests, 600):
            sys.exit(f"{room}: the tests fail without any change: {' '.join(tests)}")
        patience[tests] = 10 + PATIENCE * (time.monotonic() - began)
    with concurrent.futures.ThreadPoolExecutor(options.processes) as pool:
        fates = pool.map(lambda m: m.survives(patience[m.tests]), chosen)
        survivors = [m for m, lives in zip(chosen, fates, strict=True) if lives]
    killed = len(chosen) - len(survivors)
    share = killed / len(chosen)
    print(f"{room:12} {killed:4} killed {len(survivors):4} survived  {share:6.1%}")
    if options.show or share < LEAST_KILLED:
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
    good = [judge(room, options) for room in options.rooms or ROOMS]
    return 0 if all(good) else 1


if chosen_mutant := os.environ.get("PANTLER_MUTANT"):
    # Loaded by pytest as a plugin, before anything of pantler is imported.
    module, _, site = chosen_mutant.rpartition(":")
    sys.meta_path.insert(0, _Finder(SOURCE / "pantler" / module, int(site)))

if __name__ == "__main__":
    sys.exit(main())
