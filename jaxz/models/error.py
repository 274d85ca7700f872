"""What real spectra have that neither their noise nor any model knows: an error floor, and a continuum that is off.

With c(λ) the data d themselves, smoothed, the variance of a pixel of Δ dex becomes

    1/ivar + {(f c)² + [g max(|d - c| - 3σ, 0)]²} · WIDTH/Δ,

a share f of the continuum and a larger one, g, of what stands above it: lines. What is added has the same weight for
any sampling, as it would not average out over finer pixels. Beside the basis there are columns a c(λ) L_j(x), with the
Legendre polynomials L_j of order 1 … n over the range of the spectrum and Gaussian coefficients: the shape of the
continuum is known to a share a at each order. Free ones in their place would take what a break says of the redshift,
and a constant one lets what is too faint in the basis, far in the ultraviolet, live on it.

The defaults are a plateau of the mean log score in five folds of 580 VANDELS and 334 FORS2 spectra, with the shipped
basis: floors of 0.05 to 0.2 and a of 0.1 to 0.2 are the same within the errors.

Pixels that no galaxy can have made, cosmic rays and negative ones, are left out before that (`jaxz.models.outliers`).
All is made of the data and not of a model, so that it is the same at all trial redshifts.
"""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float
from jaxz.kernels import resample, woodbury
from jaxz.models.outliers import outliers
from jaxz.pixels import Pixels

SMOOTHING = 8e-3
"""σ of the Gaussian that smooths the data, dex."""

WIDTH = 2e-4
"""Width of the pixels that f and g are of, dex."""

SIGNIFICANT = 3.0
"""Noise σ that flux must stand above or below the continuum to count as a line."""

BINS = 512
"""Bins that the range of a spectrum is smoothed in."""


class ErrorModel(eqx.Module):
    """How far real spectra are from their noise and from any model; numbers that can be learned.

    Args:
        floor: f, error as a share of the continuum.
        lines: g, error as a share of what stands above or below it.
        continuum: a, by which the continuum may be off at each order.
        order: n, highest order of the polynomials; static. 0 for none.
        fwhm: of the narrowest line that the instrument can show, in its pixels; what is narrower is left out. Static. 0
            for spectra that are undersampled, or put on pixels wider than their lines.

    Raises:
        ValueError: if a number is negative or not finite, or the order negative.

    Example:
        >>> model = jaxz.NonNegative(jaxz.load_basis(), error=jaxz.ErrorModel(floor=0.05, order=3))
        >>> model.error.lines
        0.17
    """

    floor: float | Float[Array, ""] = 0.1
    lines: float | Float[Array, ""] = 0.17
    continuum: float | Float[Array, ""] = 0.1
    order: int = eqx.field(static=True, default=5)
    fwhm: float = eqx.field(static=True, default=1.5)

    def __check_init__(self) -> None:
        for name in ("floor", "lines", "continuum", "fwhm"):
            value = getattr(self, name)
            if isinstance(value, (int, float)) and not 0 <= value < np.inf:
                raise ValueError(f"error model: {name}={value}: use 0 or a positive number")
        if self.order < 0:
            raise ValueError(f"error model: order={self.order}: use 1 or more, or 0 for no polynomial")

    def cards(self) -> dict[str, float | int]:
        """Return what the header of a catalog says."""
        numbers = {"ERRFLOOR": self.floor, "ERRLINES": self.lines, "ERRCONT": self.continuum, "ERRFWHM": self.fwhm}
        return {name: float(value) for name, value in numbers.items()} | {"ERRORDER": self.order}

    @classmethod
    def from_cards(cls, header: Mapping[str, Any]) -> "ErrorModel | None":
        """Return the error model that a header names as `cards` does, or None."""
        if "ERRFLOOR" not in header:
            return None
        numbers = (float(header[name]) for name in ("ERRFLOOR", "ERRLINES", "ERRCONT"))
        return cls(*numbers, order=int(header["ERRORDER"]), fwhm=float(header.get("ERRFWHM", 0)))

    def applied(self, pixels: Pixels, step: float) -> tuple[Pixels, Callable[[Array], Float[Array, "comp place"]]]:
        """Return one spectrum without outliers, the error floor in its ivar, and columns as a function of the place.

        Args:
            pixels: of one spectrum.
            step: of the lattice, dex. Places are in lattice pixels from the spectrum's first.
        """
        pixels = pixels._replace(ivar=jnp.where(outliers(pixels, self.fwhm), 0, pixels.ivar))
        smooth = smoothed(pixels, SMOOTHING / step)
        dtype = pixels.flux.dtype
        middle = (pixels.edges[1:] + pixels.edges[:-1]) / 2
        level = smooth(middle)
        good = pixels.ivar > 0
        variance = 1 / jnp.where(good, pixels.ivar, 1)
        above = jnp.maximum(jnp.abs(pixels.flux - level) - SIGNIFICANT * jnp.sqrt(variance), 0)
        floor, lines, continuum = (jnp.asarray(x, dtype=dtype) for x in (self.floor, self.lines, self.continuum))
        added = (jnp.square(floor * level) + jnp.square(lines * above)) * (WIDTH / step) / jnp.diff(pixels.edges)
        ivar = jnp.where(good, 1 / (variance + added), 0)
        begin, end = pixels.edges[0], pixels.edges[pixels.filled]

        def columns(place: Float[Array, " place"]) -> Float[Array, "comp place"]:
            x = jnp.clip(2 * (place - begin) / jnp.where(end > begin, end - begin, 1) - 1, -1, 1)
            return continuum * smooth(place)[None] * legendre(x, self.order)

        return pixels._replace(ivar=ivar), columns


def smoothed(pixels: Pixels, width: float) -> Callable[[Float[Array, " place"]], Float[Array, " place"]]:
    """Return |flux smoothed by a Gaussian, weighted by ivar|, as a function of the place.

    Args:
        pixels: of one spectrum.
        width: σ of the Gaussian, lattice pixels.
    """
    begin, end = pixels.edges[0], pixels.edges[pixels.filled]
    size = jnp.where(end > begin, end - begin, 1) / BINS
    edges = begin + size * jnp.arange(BINS + 1, dtype=size.dtype)
    rows = jnp.stack([pixels.ivar, pixels.ivar * pixels.flux])
    total = jnp.pad(jnp.cumsum(rows, axis=1), ((0, 0), (1, 0)))
    binned = jnp.diff(resample.between(pixels.edges, total, edges), axis=1)
    kernel = jnp.exp(-jnp.square(size * jnp.arange(BINS, dtype=size.dtype) / width) / 2)
    distance = np.abs(np.subtract.outer(np.arange(BINS), np.arange(BINS)))
    weight, flux = jnp.matmul(binned, kernel[distance], precision=woodbury.HIGHEST)
    level = jnp.abs(jnp.where(weight > 0, flux / jnp.where(weight > 0, weight, 1), 0))

    def at(place: Float[Array, " place"]) -> Float[Array, " place"]:
        x = (place - begin) / size - 0.5
        left = jnp.clip(jnp.floor(x), 0, BINS - 2)
        share = jnp.clip(x - left, 0, 1)
        index = left.astype(jnp.int32)
        return level[index] * (1 - share) + level[index + 1] * share

    return at


def legendre(x: Float[Array, " place"], order: int) -> Float[Array, "comp place"]:
    """Return the Legendre polynomials of order 1 … `order`, one row for each; none if it is 0."""
    rows = [jnp.ones_like(x), x]
    for n in range(1, order):
        rows.append(((2 * n + 1) * x * rows[n] - n * rows[n - 1]) / (n + 1))
    return jnp.stack(rows[1 : order + 1]) if order else jnp.zeros((0, *x.shape), x.dtype)
