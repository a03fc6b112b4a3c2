"""YAML text as plain values, within bounds and with the place of every problem.

All YAML that pantler reads comes through here: settings, universes, pipelines, sky
maps, headers and datasets. The text may come from anyone, so nothing in it may cost
more than its own length: nesting, aliases and merge keys are counted while the text
is composed, before any value is made of them.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.resolver import Resolver

from pantler.errors import InvalidInputError

try:
    from yaml.cyaml import CParser as _Parser  # type: ignore[attr-defined]
except ImportError:  # a PyYAML that was built without libyaml

    class _Parser(  # type: ignore[no-redef]
        yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser
    ):
        """The same events from Python alone."""

        def __init__(self, text: str) -> None:
            yaml.reader.Reader.__init__(self, text)
            yaml.scanner.Scanner.__init__(self)
            yaml.parser.Parser.__init__(self)


if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.errors import PantlerError

MOST_NESTED: Final = 100
"""How deep lists and mappings may stand within each other."""

MOST_REPEATED: Final = 100_000
"""How many values the aliases of one document may repeat in all."""

_MERGE: Final = "tag:yaml.org,2002:merge"
_KIND: Final = "tag:yaml.org,2002:"
_NOT_OF_THEIR_KIND: Final = {
    "timestamp": "a date or time",
    "int": "a whole number",
    "float": "a number",
    "bool": "a truth value",
}
# What PyYAML's constructors raise for text that is not of its kind.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
)


class YamlDocument:
    """One YAML document, where it came from, and the line of each of its values.

    Parameters
    ----------
    text
        The document; bytes must be UTF-8.
    what
        What to call it in messages, such as its path.
    error
        The class of the errors.
    most_nested
        How deep lists and mappings may stand within each other.
    most_repeated
        How many values aliases may repeat in all.

    Attributes
    ----------
    data
        The document as plain Python values; None if it is empty.

    Raises
    ------
    InvalidInputError
        Or the class that was asked for, if the text is not YAML, holds values that
        are not plain, has a key twice in one mapping or exceeds a limit.
    """

    def __init__(
        self,
        text: str | bytes,
        what: str,
        *,
        error: type[PantlerError] = InvalidInputError,
        most_nested: int = MOST_NESTED,
        most_repeated: int = MOST_REPEATED,
    ) -> None:
        self.what = what
        self._error = error
        with _problems_told(what, len(text), error):
            reader = _Reader(_checked(text), most_nested, most_repeated)
            self._root = reader.compose()
            self.data: Any = reader.value(self._root)

    def at(self, *path: str | int) -> str:
        """Return the place of a value for a message: document and line.

        Parameters
        ----------
        *path
            Keys and positions in lists that lead to it. Where they lead nowhere,
            the place is that of the last that was found.
        """
        line = self.line(*path)
        return self.what if line is None else f"{self.what}, line {line}"

    def line(self, *path: str | int) -> int | None:
        """Return the line of a value, counted from 1; arguments as for `at`.

        None stands for the whole document.
        """
        node, line = self._root, None
        for step in path:
            found = _step(node, step)
            if found is None:
                break
            line, node = found
        return line

    def error(self, message: str, *path: str | int) -> PantlerError:
        """Return the error for a problem at a place."""
        return self._error(f"{self.at(*path)}: {message}")


def load_yaml(
    text: str | bytes,
    what: str,
    *,
    error: type[PantlerError] = InvalidInputError,
    most_nested: int = MOST_NESTED,
    most_repeated: int = MOST_REPEATED,
) -> Any:
    """Return the plain values of a YAML document: `YamlDocument` without places.

    Examples
    --------
    >>> load_yaml("{filter: g, exposures: [1, 2]}", "example")
    {'filter': 'g', 'exposures': [1, 2]}
    >>> load_yaml("night: 2026-13-45", "example")
    Traceback (most recent call last):
    pantler.errors.InvalidInputError: example, line 1, column 8: '2026-13-45' is not \
a date or time. Put text in quotes.
    """
    document = YamlDocument(
        text,
        what,
        error=error,
        most_nested=most_nested,
        most_repeated=most_repeated,
    )
    return document.data


def check_yaml(
    text: str | bytes,
    what: str,
    *,
    error: type[PantlerError] = InvalidInputError,
    most_repeated: int = MOST_REPEATED,
) -> None:
    """Refuse text that is not YAML or exceeds a limit, before another reads it.

    Parameters
    ----------
    text
        The document, perhaps with tags that only its reader understands.
    what, error, most_repeated
        As for `YamlDocument`.

    Raises
    ------
    InvalidInputError
        Or the class that was asked for.
    """
    with _problems_told(what, len(text), error):
        _Reader(_checked(text), MOST_NESTED, most_repeated).compose()


@contextlib.contextmanager
def _problems_told(what: str, length: int, error: type[PantlerError]) -> Iterator[None]:
    try:
        yield
    except yaml.MarkedYAMLError as problem:
        place = _place(problem, length)
        raise error(f"{what}{place}: {_sentence(problem)}") from None


class _Reader:
    """Makes nodes of a text's events, and values of nodes."""

    def __init__(self, text: str, most_nested: int, most_repeated: int) -> None:
        # The stubs know neither the events' fields nor the resolver's arguments.
        self._parser: Any = _Parser(text)
        self._resolver: Any = Resolver()
        self._constructor = _Constructor()
        self._most_nested = most_nested
        self._most_repeated = most_repeated
        self._anchors: dict[str, _Anchored] = {}
        self._repeated = 0
        self._merged = 0
        self._merged_into: dict[int, int] = {}

    def value(self, root: yaml.Node | None) -> Any:
        """Return the values of a document."""
        return None if root is None else self._constructor.construct_document(root)

    def compose(self) -> yaml.Node | None:
        """Return the root of the only document, None if there is none."""
        parser = self._parser
        parser.get_event()  # the start of the stream
        if parser.check_event(yaml.StreamEndEvent):
            return None
        parser.get_event()  # the start of the document
        root = self._node()
        parser.get_event()  # its end
        if not parser.check_event(yaml.StreamEndEvent):
            mark = parser.get_event().start_mark
            raise _problem("a second document begins here: keep one", mark)
        return root

    def _node(self) -> yaml.Node:
        """Compose one node and all below it.

        Without recursion: how deep a text nests is its author's choice.
        """
        open_nodes: list[_Open] = []
        while True:
            event = self._parser.get_event()
            if isinstance(event, yaml.CollectionEndEvent):
                node, size = self._closed(open_nodes.pop())
            elif isinstance(event, yaml.AliasEvent):
                node, size = self._alias(event)
            elif isinstance(event, yaml.ScalarEvent):
                node, size = self._scalar(event), 1
            else:
                if len(open_nodes) == self._most_nested:
                    raise _problem(
                        "lists and mappings stand within each other more than "
                        f"{self._most_nested} deep",
                        event.start_mark,
                    )
                open_nodes.append(self._opened(event))
                continue
            if not open_nodes:
                return node
            open_nodes[-1].add(node, size)

    def _scalar(self, event: Any) -> yaml.Node:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._resolver.resolve(yaml.ScalarNode, event.value, event.implicit)
        node = yaml.ScalarNode(
            tag, event.value, event.start_mark, event.end_mark, event.style
        )
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(node, 1)
        return node

    def _opened(self, event: Any) -> _Open:
        kind: type[yaml.CollectionNode] = (
            yaml.MappingNode
            if isinstance(event, yaml.MappingStartEvent)
            else yaml.SequenceNode
        )
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._resolver.resolve(kind, None, event.implicit)
        node = kind(tag, [], event.start_mark, event.end_mark, event.flow_style)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(node, None)
        return _Open(node, event.anchor)

    def _closed(self, opened: _Open) -> tuple[yaml.Node, int]:
        node = opened.node
        if isinstance(node, yaml.MappingNode):
            parts = opened.parts
            node.value = list(zip(parts[::2], parts[1::2], strict=True))
            self._refuse_repeated_keys(node)
            self._count_merged(node)
        else:
            node.value = opened.parts
        if opened.anchor is not None:
            self._anchors[opened.anchor] = _Anchored(node, opened.size)
        return node, opened.size

    def _alias(self, event: Any) -> tuple[yaml.Node, int]:
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            raise _problem(
                f"there is no anchor '&{event.anchor}' above", event.start_mark
            )
        if anchored.size is None:
            raise _problem(
                f"'*{event.anchor}' stands for a value that contains it",
                event.start_mark,
            )
        self._repeated += anchored.size
        if self._repeated > self._most_repeated:
            raise _problem(
                f"aliases repeat more than {self._most_repeated:,} values",
                event.start_mark,
            )
        return anchored.node, anchored.size

    def _refuse_repeated_keys(self, mapping: yaml.MappingNode) -> None:
        """Refuse what YAML readers pass over: the first of two equal keys is lost."""
        lines: dict[object, int] = {}
        for key, _ in mapping.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            value = self._constructor.construct_object(key)
            if value in lines:
                raise _problem(
                    f"key '{key.value}' stands here for a second time; the first is "
                    f"on line {lines[value]}. Remove one",
                    key.start_mark,
                )
            lines[value] = key.start_mark.line + 1

    def _count_merged(self, mapping: yaml.MappingNode) -> None:
        """Bound what merge keys copy, which aliases only point to."""
        sources = [
            source
            for key, value in mapping.value
            if key.tag == _MERGE
            for source in (
                value.value if isinstance(value, yaml.SequenceNode) else (value,)
            )
        ]
        if not sources:
            return
        copied = sum(
            len(source.value) + self._merged_into.get(id(source), 0)
            for source in sources
        )
        self._merged_into[id(mapping)] = copied
        self._merged += copied
        if self._merged > MOST_REPEATED:
            raise _problem(
                f"merge keys repeat more than {MOST_REPEATED:,} values",
                mapping.start_mark,
            )


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A node with a name; its size counts aliases, and is None until it ends."""

    node: yaml.Node
    size: int | None


@dataclass(slots=True)
class _Open:
    """A list or a mapping whose end has not been met yet."""

    node: yaml.CollectionNode
    anchor: str | None
    parts: list[yaml.Node] = field(default_factory=list)
    size: int = 1

    def add(self, node: yaml.Node, size: int) -> None:
        self.parts.append(node)
        self.size += size


class _Constructor(SafeConstructor):
    """Plain values from nodes; whatever is wrong with one has its place."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except yaml.MarkedYAMLError:
            raise
        except RecursionError:
            raise _problem("values are nested too deeply", node.start_mark) from None
        except _UNREADABLE:
            kind = node.tag.removeprefix(_KIND)
            expected = _NOT_OF_THEIR_KIND.get(kind, f"of kind '{kind}'")
            raise _problem(
                f"'{_shown(node)}' is not {expected}. Put text in quotes",
                node.start_mark,
            ) from None


def _refuse_tag(constructor: object, node: yaml.Node) -> None:  # noqa: ARG001 - interface
    tag = node.tag.replace(_KIND, "!!", 1)
    raise _problem(f"there are no values of kind '{tag}' here", node.start_mark)


_Constructor.add_constructor(None, _refuse_tag)  # type: ignore[type-var]


def _problem(text: str, mark: Any) -> yaml.MarkedYAMLError:
    return ConstructorError(None, None, text, mark)


def _shown(node: yaml.Node) -> str:
    text = str(node.value) if isinstance(node, yaml.ScalarNode) else "this"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _checked(text: str | bytes) -> str:
    """Return the text of a document; refuse what no YAML text holds."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode("utf-8-sig")
            raise _problem("the text is not UTF-8", _mark_after(before)) from None
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if found is not None:
        raise _problem(
            f"there is a character that YAML text does not have ({found.group()!r})",
            _mark_after(text[: found.start()]),
        )
    return text


def _mark_after(text: str) -> yaml.Mark:
    line, column = text.count("\n"), len(text) - text.rfind("\n") - 1
    return yaml.Mark("", len(text), line, column, None, 0)


def _place(problem: yaml.MarkedYAMLError, length: int) -> str:
    mark = problem.problem_mark or problem.context_mark
    if mark is not None and mark.index >= length and problem.context_mark is not None:
        mark = problem.context_mark  # what begins there does not end
    return "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"


def _sentence(problem: yaml.MarkedYAMLError) -> str:
    text = _one_line(problem.problem or problem.context or "unreadable")
    if "nesting depth" in text:  # libyaml's own bound, which its scanner meets first
        return (
            f"Lists and mappings stand within each other more than {MOST_NESTED} deep."
        )
    if not isinstance(problem, ConstructorError):
        return f"This is not valid YAML: {text}."
    return f"{text[:1].upper()}{text[1:]}."


def _one_line(problem: object) -> str:
    return " ".join(str(problem).split())


def _step(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        # A mapping's own keys stand after those that it merges, and win.
        for key, value in reversed(node.value):
            if key.value == str(step):
                return key.start_mark.line + 1, value
    if (
        isinstance(node, yaml.SequenceNode)
        and isinstance(step, int)
        and 0 <= step < len(node.value)
    ):
        child = node.value[step]
        return child.start_mark.line + 1, child
    return None
