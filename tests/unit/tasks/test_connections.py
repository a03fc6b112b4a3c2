"""What tasks declare of their datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pantler.errors import InvalidInputError, SettingsError
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import (
    Connections,
    InitInput,
    InitOutput,
    Input,
    Output,
    PrerequisiteInput,
)

if TYPE_CHECKING:
    from collections.abc import Collection


class WarpConfig(TaskConfig):
    do_flat: bool = True


class WarpConnections(Connections, dimensions=("visit",)):
    image = Input("calexp", "StructuredDict", dimensions=("visit", "detector"))
    flat = PrerequisiteInput("flat", "StructuredDict", dimensions=("detector",))
    warp = Output("warp", "StructuredDict", dimensions=("visit",))
    schema = InitInput("schema", "StructuredDict")
    table = InitOutput("warp_schema", "StructuredDict")

    @classmethod
    def dropped(cls, config: WarpConfig) -> Collection[str]:
        return () if config.do_flat else ("flat",)


def test_connections_keep_the_order_of_their_declaration() -> None:
    assert list(WarpConnections.declared) == [
        "image",
        "flat",
        "warp",
        "schema",
        "table",
    ]


def test_names_come_from_the_configuration_where_it_has_them() -> None:
    config = WarpConfig(connections={"warp": "template_warp"})
    resolved = WarpConnections.resolve(config)
    assert resolved["warp"].name == "template_warp"
    assert resolved["image"].name == "calexp"


def test_the_configuration_can_switch_a_connection_off() -> None:
    assert "flat" not in WarpConnections.resolve(WarpConfig(do_flat=False))


def test_renaming_an_unknown_connection_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'wrap'.*Did you mean 'warp'"):
        WarpConnections.resolve(WarpConfig(connections={"wrap": "x"}))


def test_dropping_an_unknown_connection_is_refused() -> None:
    class Wrong(WarpConnections):
        @classmethod
        def dropped(cls, config: TaskConfig) -> Collection[str]:  # noqa: ARG003
            return ["flta"]

    with pytest.raises(SettingsError, match=r"'flta'.*Did you mean 'flat'"):
        Wrong.resolve(TaskConfig())


def test_a_subclass_inherits_replaces_and_removes() -> None:
    class Changed(WarpConnections):
        image = Input("raw", "StructuredDict", dimensions=("visit",))
        flat = None  # type: ignore[assignment]

    assert Changed.dimensions == ("visit",)
    assert Changed.declared["image"].name == "raw"
    assert "flat" not in Changed.declared


def test_a_connection_cannot_hide_a_part_of_the_class() -> None:
    with pytest.raises(InvalidInputError, match="'resolve'"):

        class Wrong(Connections):
            resolve = Input("x", "StructuredDict")  # type: ignore[assignment]


def test_dimensions_without_the_comma_of_a_tuple_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"\('visit',\)"):
        Input("x", "StructuredDict", dimensions="visit")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match=r"\('visit',\)"):

        class Wrong(Connections, dimensions="visit"):  # type: ignore[arg-type]
            pass
