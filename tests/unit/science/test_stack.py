"""Stacks are combined as their definition says."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pantler.science.stack import clipped_mean, median, open_stack, strips

pixels = st.one_of(st.just(np.nan), st.floats(-1e4, 1e4, width=32))
stacks = arrays(
    np.float32, st.tuples(st.integers(1, 6), st.just(2), st.just(3)), elements=pixels
)


@given(stacks)
def test_median_is_that_of_numpy_without_nans(stack):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all NaN
        expected = np.nanmedian(stack.astype(float), axis=0)
    np.testing.assert_allclose(median(stack), expected, rtol=1e-6, atol=1e-3)


@given(stacks)
def test_without_clipping_the_mean_is_that_of_numpy(stack):
    mean, _, rejected = clipped_mean(
        stack,
        1.0,
        tolerance=np.asarray(np.inf, np.float32),
        weights=np.ones(len(stack), np.float32),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = np.nanmean(stack.astype(float), axis=0)
    np.testing.assert_allclose(mean, expected, rtol=1e-4, atol=1e-2)
    assert not rejected.any()


def test_weights_are_in_the_mean_and_its_variance():
    stack = np.array([[[0.0]], [[6.0]]], np.float32)
    mean, variance, _ = clipped_mean(
        stack,
        np.array([[[1.0]], [[2.0]]], np.float32),
        tolerance=np.asarray(np.inf, np.float32),
        weights=np.array([1.0, 0.5], np.float32),
    )
    assert mean[0, 0] == pytest.approx(2)
    assert variance[0, 0] == pytest.approx((1 + 0.25 * 2) / 1.5**2)


def test_two_values_that_differ_are_both_kept():
    stack = np.array([[[0.0]], [[100.0]]], np.float32)
    mean, _, rejected = clipped_mean(
        stack,
        1.0,
        tolerance=np.asarray(1, np.float32),
        weights=np.ones(2, np.float32),
    )
    assert mean[0, 0] == 50
    assert rejected[0, 0] == 0


@given(st.integers(1, 50), st.integers(1, 200), st.floats(1e-4, 1))
def test_strips_cover_all_rows_once(count, rows, limit_mb):
    stack = np.broadcast_to(np.float32(0), (count, rows, 10))
    covered = np.concatenate(
        [np.arange(rows)[part] for part in strips(stack, limit_mb=limit_mb)]
    )
    np.testing.assert_array_equal(covered, np.arange(rows))


def test_a_stack_above_the_limit_is_on_disk():
    assert isinstance(open_stack(2, (10, 10), np.float32, limit_mb=1e-4), np.memmap)
    assert not isinstance(open_stack(2, (10, 10), np.float32, limit_mb=1), np.memmap)
