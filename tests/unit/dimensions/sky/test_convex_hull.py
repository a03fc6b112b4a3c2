"""The convex hull of points along straight sides keeps every corner."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pantler.dimensions.sky.regions import ConvexPolygon
from pantler.dimensions.sky.sphere import lonlat_to_vectors, normalize

# Corners of the detectors of a mosaic, symmetric about its centre: then x is constant
# along two sides of the hull, but for rounding.
STEPS = st.lists(st.integers(1, 20), min_size=2, max_size=6, unique=True).map(
    lambda steps: [*steps, *(-step for step in steps)]
)


@given(st.floats(0, 360), st.floats(-89, 89), STEPS, STEPS)
def test_the_hull_of_a_mosaic_is_its_outline(ra, dec, columns, rows):
    center = lonlat_to_vectors([ra], [dec])[0]
    east = lonlat_to_vectors([ra + 90], [0.0])[0]
    north = np.cross(center, east)
    x, y = np.meshgrid(columns, rows)
    plane = 1e-4 * (x.reshape(-1, 1) * east + y.reshape(-1, 1) * north)
    hull = ConvexPolygon.convex_hull(normalize(center + plane))
    outline = 1e-4 * np.array(
        [
            column * east + row * north
            for column in (min(columns), max(columns))
            for row in (min(rows), max(rows))
        ]
    )
    for corner in normalize(center + outline):
        assert np.linalg.norm(hull.vertices - corner, axis=1).min() < 1e-12
