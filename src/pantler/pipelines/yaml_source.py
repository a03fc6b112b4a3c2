"""YAML text whose problems can be told with their line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from pantler.errors import PipelineError

if TYPE_CHECKING:
    from collections.abc import Iterator


class YamlSource:
    """One YAML document and where it came from.

    Parameters
    ----------
    text
        The document.
    where
        What to call it in messages, such as its path.

    Attributes
    ----------
    data
        The document as plain Python values.

    Raises
    ------
    PipelineError
        If the text is no YAML, or a mapping has a key twice.
    """

    def __init__(self, text: str, where: str) -> None:
        self.where = where
        try:
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)
            _refuse_repeated_keys(self._root, where)
            self.data: Any = yaml.safe_load(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            at = f"{where}, line {mark.line + 1}" if mark else where
            raise PipelineError(f"{at}: this is no YAML: {error.problem}.") from None
        except yaml.YAMLError as error:
            raise PipelineError(f"{where}: this is no YAML: {error}.") from None

    def at(self, *path: str | int) -> str:
        """Return the place of a value for a message: file and line.

        Parameters
        ----------
        *path
            Keys and list positions that lead to it.
        """
        node = self._root
        line = None
        for step in path:
            found = _step(node, step)
            if found is None:
                break
            line, node = found
        return self.where if line is None else f"{self.where}, line {line}"

    def error(self, message: str, *path: str | int) -> PipelineError:
        """Return the error for a problem at a place."""
        return PipelineError(f"{self.at(*path)}: {message}")


def _step(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        child = node.value[step]
        return child.start_mark.line + 1, child
    return None


def _mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Yield all mappings; an alias is the node that it names, met once."""
    todo = [node]
    met: set[int] = set()
    while todo:
        current = todo.pop()
        if current is None or id(current) in met:
            continue
        met.add(id(current))
        if isinstance(current, yaml.MappingNode):
            yield current
            todo.extend(value for _, value in current.value)
        elif isinstance(current, yaml.SequenceNode):
            todo.extend(current.value)


def _refuse_repeated_keys(root: yaml.Node | None, where: str) -> None:
    """Refuse what YAML readers pass over: the first of two equal keys is lost."""
    for mapping in _mappings(root):
        lines: dict[str, int] = {}
        for key, _ in mapping.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            if key.value in lines:
                raise PipelineError(
                    f"{where}, line {line}: key '{key.value}' stands here for a second "
                    f"time; the first is on line {lines[key.value]}. Remove one."
                )
            lines[key.value] = line
