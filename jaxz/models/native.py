"""A sliding basis in the native pixels of one spectrum: integrated over each, blurred with the resolution matrix.

At a shift of s lattice pixels the columns E = [B(s); N] (sliding and non-negative fixed ones) have the normal equations

    G = E V Eᵀ - Y Yᵀ,   g = E V d - Y h,   c = dᵀ V d - |h|²,   Y = E Pᵀ,   h = P d,

with the fixed Gaussian and free columns eliminated by P (see `jaxz.kernels.sliding`), and with d less its running mean
where the basis does not reach (see `jaxz.models.lattice`). Sums are made block by block of pixels, which stay in a
processor's own cache, and no more of them than there are pixels. In float64 their round-off is far below 1 in χ².
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float, Int
from jaxz.kernels import resample, woodbury
from jaxz.kernels.nnls import nnls
from jaxz.kernels.normal import NormalEquations
from jaxz.kernels.packed import pairs
from jaxz.kernels.resolution import apply_resolution
from jaxz.models.basis import Basis
from jaxz.models.columns import Fixed
from jaxz.models.error import ErrorModel
from jaxz.models.lattice import CONTINUUM, LEAST, LYMAN_LIMIT, running_mean
from jaxz.pixels import Pixels
from jaxz.spectra import LogGrid

HIGHEST = jax.lax.Precision.HIGHEST

BLOCK = 1024


class Prepared(NamedTuple):
    """One spectrum with its fixed columns taken care of.

    Attributes:
        pixels: with as many more at either end as the resolution matrix reaches.
        continuum: its running mean.
        projected: P.
        factor: of the eliminated columns.
        positive: N.
    """

    pixels: Pixels
    continuum: Float[Array, " pix"]
    projected: Float[Array, "comp pix"]
    factor: woodbury.Factor
    positive: Float[Array, "fixed pix"]


class Moments(NamedTuple):
    """Sums over pixels at one shift.

    Attributes:
        equations: G and g in one lane.
        const: c.
        covered: share of the good pixels.
    """

    equations: NormalEquations
    const: Float[Array, ""]
    covered: Float[Array, ""]


class Fitted(NamedTuple):
    """The best fit at one shift.

    Attributes:
        slid: flux of the basis.
        eliminated: coefficients of the eliminated columns.
        residual: flux that is left.
    """

    slid: Float[Array, " pix"]
    eliminated: Float[Array, " comp"]
    residual: Float[Array, " pix"]


class Native(eqx.Module):
    """A basis ready to be put into native pixels.

    Attributes:
        integral: from `jaxz.kernels.resample.cumulative`.
        fixed: columns.
        error: the error model, or None.
        grid: of the basis.
    """

    integral: Float[Array, "basis edge"]
    fixed: Fixed
    error: ErrorModel | None
    grid: LogGrid = eqx.field(static=True)

    @property
    def opaque(self) -> bool:
        """Whether nothing comes through blueward of the basis."""
        return bool(self.grid.wave[0] <= LYMAN_LIMIT)

    def prepare(self, pixels: Pixels, own: Float[Array, "comp pix"] | None) -> Prepared:
        """Return what does not depend on the redshift."""
        eliminated, positive, keep = self.fixed.in_pixels(pixels)
        middle, distortion = (pixels.edges[1:] + pixels.edges[:-1]) / 2, None
        if self.error is not None:
            pixels, columns = self.error.applied(pixels, self.grid.step)
            distortion = columns(middle)
        pixels = pixels._replace(ivar=pixels.ivar * keep)
        factor, positive = self.fixed.joined(eliminated, positive, own, pixels.ivar, distortion)
        continuum = running_mean(pixels, middle, CONTINUUM / self.grid.step)
        return Prepared(pixels, continuum, woodbury.projected(factor), factor, positive)

    def design(self, edges: Float[Array, " edge"], start: Int[Array, ""], shift: Float[Array, ""]) -> Array:
        """Return the mean of each vector over pixels, without resolution."""
        return resample.at_pixels(self.integral, edges + (start - self.grid.start).astype(edges.dtype) - shift, 0)

    def columns(self, spectrum: Prepared, shift: Float[Array, ""]) -> Float[Array, "basis pix"]:
        """Return the mean of each vector over pixels, with resolution."""
        columns = self.design(spectrum.pixels.edges, spectrum.pixels.start, shift)
        bands = spectrum.pixels.resolution
        return columns if bands is None else apply_resolution(bands, columns)

    def beyond(self, edges: Float[Array, " edge"], start: Int[Array, ""], shift: Float[Array, ""]) -> Array:
        """Return the share of each pixel that lies beyond the basis, where that is priced."""
        place = edges + (start - self.grid.start).astype(edges.dtype) - shift + 0.5
        inside = jnp.clip(place, -jnp.inf if self.opaque else 0, self.grid.size)
        return 1 - jnp.diff(inside) / jnp.diff(place)

    def null(self, spectrum: Prepared) -> Float[Array, ""]:
        """Return χ² of all fixed columns and noise, without the basis."""
        flux, factor, positive = spectrum.pixels.flux, spectrum.factor, spectrum.positive
        if len(positive):
            solved = jnp.stack([woodbury.solve(factor, row) for row in positive])
            gram, rhs = (jnp.matmul(solved, values, precision=HIGHEST) for values in (positive.T, flux))
            flux = flux - jnp.matmul(nnls(gram[..., None], rhs[:, None]).coeff[:, 0], positive, precision=HIGHEST)
        return woodbury.chi2(factor, flux)

    def fitted(self, spectrum: Prepared, shift: Float[Array, ""], coeff: Float[Array, " column"]) -> Fitted:
        """Return the fit whose coefficients solve the equations of `moments`.

        Args:
            spectrum: from `prepare`.
            shift: in lattice pixels.
            coeff: of the basis and of the non-negative fixed columns.
        """
        pixels, nslide = spectrum.pixels, len(self.integral)
        away, good = self.beyond(pixels.edges, pixels.start, shift), (pixels.ivar > 0).astype(coeff.dtype)
        covered = 1 - jnp.sum(good * away) / jnp.maximum(jnp.sum(good), 1)
        priced = (covered >= LEAST) & (len(spectrum.positive) == 0)
        slid = jnp.matmul(coeff[:nslide], self.columns(spectrum, shift), precision=HIGHEST)
        left = pixels.flux - jnp.where(priced, away * spectrum.continuum, 0) - slid
        left = left - jnp.matmul(coeff[nslide:], spectrum.positive, precision=HIGHEST)
        eliminated = woodbury.coefficients(spectrum.factor, left)
        return Fitted(slid, eliminated, left - jnp.matmul(eliminated, spectrum.factor.vectors, precision=HIGHEST))

    def moments(self, spectrum: Prepared, shift: Float[Array, ""], *, blocks: bool) -> Moments:
        """Return the normal equations of one spectrum at one shift.

        Args:
            spectrum: from `prepare`.
            shift: in lattice pixels.
            blocks: whether to sum block by block, as a loop of a length that follows from the data, which cannot be
                differentiated in reverse.
        """
        pixels = spectrum.pixels
        priced = len(spectrum.positive) == 0
        half = 0 if pixels.resolution is None else pixels.resolution.shape[0] // 2
        size = min(BLOCK, pixels.flux.shape[0]) if blocks else pixels.flux.shape[0]
        steps = jnp.arange(1, half + 1, dtype=pixels.edges.dtype)
        left = pixels.edges[0] - (pixels.edges[1] - pixels.edges[0]) * steps[::-1]
        right = pixels.edges[-1] + (pixels.edges[-1] - pixels.edges[-2]) * steps
        edges = jnp.concatenate([left, pixels.edges, right]) if half else pixels.edges
        bands = None if pixels.resolution is None else jnp.pad(pixels.resolution, ((0, 0), (half, half)))

        def share(begin: Int[Array, ""]) -> tuple[Array, ...]:
            cut = lambda values, more: jax.lax.dynamic_slice_in_dim(values, begin, size + more, axis=-1)  # noqa: E731
            columns = self.design(cut(edges, 2 * half + 1), pixels.start, shift)
            if bands is not None:
                columns = apply_resolution(cut(bands, 2 * half), columns)[:, half : half + size]
            flux, ivar, mean = (cut(values, 0) for values in (pixels.flux, pixels.ivar, spectrum.continuum))
            away = self.beyond(cut(pixels.edges, 1), pixels.start, shift)
            good = (ivar > 0).astype(flux.dtype)
            columns = jnp.concatenate([columns, cut(spectrum.positive, 0)])
            rows = jnp.stack([flux, away * mean])
            weighted, projected = columns * ivar[None], cut(spectrum.projected, 0)
            product = lambda a, b: jnp.matmul(a, b.T, precision=HIGHEST)  # noqa: E731
            return (
                product(weighted, columns),
                product(weighted, rows),
                product(rows * ivar[None], rows),
                product(projected, columns),
                product(projected, rows),
                jnp.stack([jnp.sum(good), jnp.sum(good * away)]),
            )

        if blocks:
            start = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(share, jnp.int32(0)))
            count = (pixels.filled + size - 1) // size

            def add(block: Int[Array, ""], total: tuple[Array, ...]) -> tuple[Array, ...]:
                return jax.tree.map(jnp.add, total, share(block * size))

            sums = jax.lax.fori_loop(0, count, add, start)
        else:
            sums = share(jnp.int32(0))
        gram, rhs, square, across, reduced, seen = sums
        covered = 1 - seen[1] / jnp.maximum(seen[0], 1)
        # d = flux - t · (its running mean beyond the basis).
        price = jnp.where((covered >= LEAST) & priced, 1.0, 0.0).astype(gram.dtype)
        mix = jnp.stack([jnp.ones_like(price), -price])
        of_data = jnp.matmul(reduced, mix, precision=HIGHEST)
        gram = gram - jnp.matmul(across.T, across, precision=HIGHEST)
        rhs = jnp.matmul(rhs, mix, precision=HIGHEST) - jnp.matmul(across.T, of_data, precision=HIGHEST)
        const = mix @ square @ mix - jnp.sum(jnp.square(of_data))
        row, column = pairs(len(rhs))
        return Moments(NormalEquations(gram[row, column][:, None], rhs[:, None]), const, covered)


def basis_in_pixels(basis: Basis, wave: np.ndarray, z: float, *, resolution: np.ndarray | None = None) -> np.ndarray:
    """Return each vector, redshifted, averaged over each pixel and blurred, (basis, pix) float64: what is fitted.

    Args:
        basis: the vectors.
        wave: (pix,) pixel centres, vacuum Å, at least two.
        z: redshift.
        resolution: (diag, pix) banded matrix as of `jaxz.kernels.resolution`, or None.
    """
    edges = resample.pixel_edges(wave, basis.grid.step) - np.log10(1 + z) / basis.grid.step
    with jax.enable_x64(True):
        integral = resample.cumulative(jnp.asarray(basis.vectors, dtype=jnp.float64))
        columns = _at_pixels(integral, jnp.asarray(edges), basis.grid.start)
        if resolution is not None:
            columns = _blurred(jnp.asarray(resolution, dtype=jnp.float64), columns)
        return np.asarray(columns)


_at_pixels = jax.jit(resample.at_pixels, static_argnums=2)
_blurred = jax.jit(apply_resolution)
