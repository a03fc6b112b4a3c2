"""Inputs of ``run``, which are handles in a pipeline and may be objects elsewhere."""

from __future__ import annotations

from typing import Any

from pantler.datasets.deferred import DeferredDataset


def loaded(item: Any) -> Any:
    """Return the object behind a deferred handle; anything else as it is."""
    return item.get() if isinstance(item, DeferredDataset) else item
