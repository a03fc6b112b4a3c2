"""The detectors of the demo camera: response, dark current, bias, noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SATURATED = 2**16 - 1


@dataclass(frozen=True, slots=True)
class SimulatedDetector:
    """What does not change of one detector.

    Parameters
    ----------
    gain
        Electrons a count.
    read_noise
        Electrons, root mean square.
    bias : (size, size)
        Level and structure without light, counts.
    dark_rate : (size, size)
        Dark current, electrons a second; hot pixels have far more than others.
    response : (size, size), by band
        Part of the light that is counted: vignetting of the telescope times
        response of the pixel; 1 at best.
    """

    gain: float
    read_noise: float
    bias: Floats
    dark_rate: Floats
    response: dict[str, Floats]

    def read_out(
        self, electrons: Floats, rng: np.random.Generator
    ) -> NDArray[np.uint16]:
        """Return the counts of a frame.

        Parameters
        ----------
        electrons : (size, size)
            Expected electrons, of light and dark current together.
        rng
            Where its noise comes from.
        """
        collected = rng.poisson(electrons) + rng.normal(
            0.0, self.read_noise, electrons.shape
        )
        counts = np.rint(self.bias + collected / self.gain)
        return np.clip(counts, 0, _SATURATED).astype(np.uint16)


def focal_plane_offset(detector: int, size: int, gap: int) -> tuple[float, float]:
    """Return where the centre of a detector is, pixels from the camera's centre."""
    row, column = divmod(detector, 2)
    return (column - 0.5) * (size + gap), (row - 0.5) * (size + gap)


def make_detector(
    detector: int, *, size: int, gap: int, seed: int
) -> SimulatedDetector:
    """Return a detector with structure of its own.

    Parameters
    ----------
    detector
        Its number, 0 to 3.
    size, gap
        Pixels along a side, and between detectors.
    seed
        Of the camera.
    """
    rng = np.random.default_rng([seed, 2, detector])
    place = np.arange(size) - (size - 1) / 2
    columns = rng.normal(0.0, 3.0, size)
    bias = 1000 + rng.normal(0.0, 20.0) + columns + 8 * (place / size)[:, None] ** 2
    dark = rng.uniform(0.02, 0.06, (size, size))
    hot = rng.random((size, size)) < 1e-3
    dark[hot] = rng.uniform(5.0, 60.0, int(hot.sum()))
    x0, y0 = focal_plane_offset(detector, size, gap)
    radius2 = (place + x0) ** 2 + (place[:, None] + y0) ** 2
    corner2 = 2 * (size + gap / 2) ** 2
    pixels = rng.normal(1.0, 0.01, (size, size))
    response = {
        band: np.clip((1 - depth * radius2 / corner2) * pixels, 0.1, 1.0)
        for band, depth in (("g", 0.25), ("r", 0.20))
    }
    return SimulatedDetector(
        gain=1.5 + rng.normal(0.0, 0.03),
        read_noise=5.0 + rng.uniform(0.0, 1.0),
        bias=bias,
        dark_rate=dark,
        response=response,
    )
