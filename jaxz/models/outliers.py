"""Pixels that no galaxy can have made: spikes narrower than any line, and flux far below zero.

An instrument spreads a line over its line-spread function, here a Gaussian of at least `fwhm` pixels, averaged over
each pixel. Whatever non-negative light d falls in, its mean in m neighbouring pixels is then at most c_m times that of
the two pixels beside them,

    Σ_m d - c_m (d_left + d_right) <= 0,   c_m = ∫_m g / (2 ∫_{one beside} g) with the line in their middle,

for one line, any number of lines, and a continuum. Where one or two pixels exceed it significantly they hold a cosmic
ray or a hot pixel (van Dokkum 2001, PASP 113, 1420, tells these from stars by the same argument). Wider hits look like
lines and stay. All is made of the data and not of a model, so that the same pixels count at all trial redshifts.
"""

import math

import jax.numpy as jnp

from jaxz._typing import Array, Bool, Float
from jaxz.pixels import Pixels

SPIKE = 4.0
"""σ by which a spike must exceed what a line can be."""

NEGATIVE = 5.0
"""σ below zero that no galaxy explains."""

BESIDE = 2
"""Pixels to distrust on either side."""

WIDEST = 2
"""Pixels of a spike."""

MOST = 0.05
"""Share of the good pixels beyond which it is not a few of them that are bad, but the noise, the zero level or the
sampling that is not as assumed: then all of them stay."""


def outliers(pixels: Pixels, fwhm: float) -> Bool[Array, " pix"]:
    """Return which good pixels of one spectrum are to be left out.

    Args:
        pixels: of one spectrum.
        fwhm: of the narrowest line that the instrument can show, native pixels; 0 if it may lie within one.
    """
    good = pixels.ivar > 0
    variance = 1 / jnp.where(good, pixels.ivar, 1)
    flux = jnp.where(good, pixels.flux, 0)
    found = good & (flux * jnp.sqrt(pixels.ivar) < -NEGATIVE)
    for width in range(1, WIDEST + 1) if fwhm > 0 else ():
        bound = most_of_beside(width, fwhm)
        inner = lambda values, n=width: sum(_from(values, k + 1) for k in range(n))  # noqa: E731
        outer = lambda values, n=width: _from(values, 0) + _from(values, n + 1)  # noqa: E731
        # Beside a trench, or on a zero level that is too low, light is still not negative.
        excess = inner(flux) - bound * outer(jnp.maximum(flux, 0))
        sigma = jnp.sqrt(inner(variance) + bound**2 * outer(variance))
        whole = inner(good.astype(jnp.int32)) + outer(good.astype(jnp.int32)) == width + 2
        spike = whole & (excess > SPIKE * sigma)
        # `spike` is at the pixel to the left of it.
        for k in range(width):
            found |= _from(spike, -(k + 1))
    near = found
    for k in range(1, BESIDE + 1):
        near |= _from(found, k) | _from(found, -k)
    near &= good
    number, every = (jnp.sum(which.astype(flux.dtype)) for which in (near, good))
    return near & (number <= MOST * every)


def most_of_beside(width: int, fwhm: float) -> float:
    """Return c_m: the most that `width` pixels can hold of one line, in units of the two beside them together.

    Args:
        width: m.
        fwhm: of a Gaussian line, pixels.
    """
    scale = fwhm / math.sqrt(4 * math.log(2))
    inside, wider = (math.erf(half / scale) for half in (width / 2, width / 2 + 1))
    return inside / (wider - inside)


def _from(values: Float[Array, " pix"] | Array, shift: int) -> Array:
    """Return the values `shift` pixels further on at each pixel, 0 beyond the ends."""
    size = values.shape[0]
    padded = jnp.pad(values, (max(-shift, 0), max(shift, 0)))
    return padded[max(shift, 0) : max(shift, 0) + size]
