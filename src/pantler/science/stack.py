"""Stacks of images: kept within a limit of memory, combined with outliers clipped."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_WORK_ARRAYS = 8  # temporaries of a strip's size while it is combined


def open_stack(
    count: int, shape: tuple[int, int], dtype: Any, *, limit_mb: float
) -> NDArray[Any]:
    """Return an empty stack of images, on disk if it exceeds a limit.

    Parameters
    ----------
    count, shape
        How many images, of which shape.
    dtype
        Of the pixels.
    limit_mb
        What may be held in memory, MB; a larger stack is a temporary file that
        ends with the array.

    Returns
    -------
    numpy.ndarray, shape (count, *shape)
        To be filled.
    """
    full = (count, *shape)
    if np.prod(full, dtype=float) * np.dtype(dtype).itemsize <= limit_mb * 1e6:
        return np.empty(full, dtype)
    with tempfile.TemporaryFile(prefix="pantler-stack-") as file:
        return np.memmap(file, dtype, mode="w+", shape=full)


def strips(stack: NDArray[Any], *, limit_mb: float) -> Iterator[slice]:
    """Yield slices of rows that can be combined within a limit of memory, MB."""
    count, rows, columns = stack.shape
    row_bytes = count * columns * 4 * _WORK_ARRAYS
    step = max(1, min(rows, int(limit_mb * 1e6 / row_bytes)))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def median(stack: Floats) -> Floats:
    """Return the median along the first axis, without NaNs; NaN where all are.

    Parameters
    ----------
    stack
        Shape (n, ...).
    """
    # A sort puts NaNs last: several times faster than numpy.nanmedian on short axes.
    ordered = np.sort(stack, axis=0)
    count = np.isfinite(stack).sum(axis=0)
    low = np.maximum(count - 1, 0) // 2
    high = count // 2
    picked = np.take_along_axis(ordered, np.stack([low, high]) % len(stack), axis=0)
    return np.where(count > 0, picked.mean(axis=0), np.nan).astype(np.float32)


def clipped_mean(
    stack: Floats,
    variance: Floats | float,
    *,
    tolerance: Floats,
    weights: Floats,
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return the weighted mean of what lies close to the median.

    Parameters
    ----------
    stack
        Shape (n, ...); NaN where there is nothing.
    variance
        Of the stack, broadcasting with it.
    tolerance
        Largest deviation from the median that is kept, shape (n, ...) or
        broadcasting; nothing is clipped where fewer than three are.
    weights
        Shape (n,).

    Returns
    -------
    mean, variance
        Shape (...); NaN where there is nothing.
    rejected
        How many were clipped, shape (...).
    """
    present = np.isfinite(stack)
    with np.errstate(invalid="ignore"):
        outlying = np.abs(stack - median(stack)) > tolerance
    outlying &= present & (present.sum(axis=0) > 2)
    shaped = weights.reshape(-1, *[1] * (stack.ndim - 1)).astype(np.float32)
    used = np.where(present & ~outlying, shaped, np.float32(0))
    total = used.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (used * np.nan_to_num(stack)).sum(axis=0) / total
        spread = (used**2 * np.nan_to_num(variance)).sum(axis=0) / total**2
    return (
        mean.astype(np.float32),
        spread.astype(np.float32),
        outlying.sum(axis=0),
    )
