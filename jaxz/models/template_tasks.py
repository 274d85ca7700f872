"""What rest-frame vectors are asked of one spectrum: its χ² at every trial redshift, and its best fits near a few."""

import functools
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Bool, Float
from jaxz.kernels import elimination, sliding
from jaxz.kernels.nnls import Solver, lanes as lanes_of, nnls_packed
from jaxz.kernels.normal import NormalEquations, chi2 as chi2_of, extended, kkt, vanishing, without_vanishing
from jaxz.models.columns import Fixed
from jaxz.models.error import ErrorModel
from jaxz.models.lattice import (
    CONTINUUM,
    LYMAN_LIMIT,
    OnLattice,
    Uncovered,
    null_chi2,
    on_lattice,
    running_mean,
    uncovered,
)
from jaxz.models.model import Curve, Fit, Precision
from jaxz.models.native import Moments, Native
from jaxz.models.refinement import refine
from jaxz.models.trials import Trials
from jaxz.pixels import Pixels
from jaxz.spectra import LogGrid

FEW = 3
"""Pixels in a row that a cosmic ray may hit."""

Weighting = Literal["ivar", "uniform"]
Resampling = Literal["overlap", "linear"]


def solved(
    equations: NormalEquations, nslide: int, *, positive: bool, solver: Solver = "dense"
) -> elimination.Solution:
    """Return the best coefficients, the first `nslide` non-negative or free, those of fixed columns non-negative."""
    if positive:
        return elimination.Solution(*nnls_packed(*equations, solver=solver))
    return elimination.solve(equations, nslide, prior=0)


def solved_chi2(moments: Moments, nslide: int, *, positive: bool) -> tuple[Array, elimination.Solution]:
    """Return χ² (lane,) and coefficients for sums over native pixels, in one lane or several."""
    solution = solved(moments.equations, nslide, positive=positive)
    return chi2_of(moments.equations, moments.const, solution.coeff), solution


class TemplateCurves(eqx.Module):
    """χ² of one spectrum at every trial redshift, all at once on the lattice.

    The χ² of the fitted coefficients is evaluated in float64, so that a fit in float32 enters it only in second order,
    and rounded at the end if the fit was. Sums over pixels in float32 enter it in first order: by some 1e-7 of Σ ivar
    flux², which is as much as rounding it to float32.
    """

    part: sliding.Transforms | Float[Array, "basis rest"]
    power: Float[Array, " basis"]
    fixed: Fixed
    error: ErrorModel | None
    positive: bool = eqx.field(static=True)
    trials: Trials = eqx.field(static=True)
    grid: LogGrid = eqx.field(static=True)
    size: int = eqx.field(static=True)
    weighting: Weighting = eqx.field(static=True)
    resampling: Resampling = eqx.field(static=True)
    solver: Solver = eqx.field(static=True)
    precision: Precision = eqx.field(static=True)

    def __call__(self, serial: bool, pixels: Pixels, own: Float[Array, "comp pix"] | None = None) -> Curve:
        """Return the curve of one spectrum."""
        return self.fitted(serial, *self.conditioned(pixels, own))[0]

    def conditioned(self, pixels: Pixels, own: Float[Array, "comp pix"] | None = None) -> tuple[OnLattice, Pixels]:
        """Return one spectrum on the lattice, and its pixels in the unit of flux and with the errors that it has there.

        Of the fields it needs `fixed` and `error` alone, by which it can be differentiated.
        """
        # χ² does not change with the unit of flux; unit ivar keeps every product within the range of float32.
        unit = jnp.sum(pixels.ivar) / jnp.maximum(pixels.filled, 1).astype(pixels.ivar.dtype)
        unit = jnp.sqrt(jnp.maximum(unit, jnp.finfo(unit.dtype).tiny))
        pixels = pixels._replace(flux=pixels.flux * unit, ivar=pixels.ivar / unit**2)
        fixed, own = self.fixed.scaled(unit), None if own is None else own * unit
        distortion = None
        if self.error is not None:
            pixels, columns = self.error.applied(pixels, self.grid.step)
            distortion = columns(jnp.arange(self.size, dtype=pixels.edges.dtype))
        linear = self.resampling == "linear"
        return on_lattice(pixels, own, fixed, self.size, linear=linear, distortion=distortion), pixels

    def fitted(self, serial: bool, spectrum: OnLattice, pixels: Pixels) -> tuple[Curve, Float[Array, "column shift"]]:
        """Return the curve of a spectrum from `conditioned`, and the coefficients of basis and non-negative columns."""
        slid = self._slid(spectrum, spectrum.rows)
        if self.weighting == "uniform":
            # The published recipe fits λ f_λ without weights, which is f_λ with weights λ².
            relative = 10.0 ** (2 * self.grid.step * jnp.arange(self.size, dtype=spectrum.flux.dtype))
            weight = jnp.where(spectrum.ivar > 0, relative, 0)
            rows = sliding.Conditioned(weight, spectrum.rows.projected, (weight * spectrum.flux)[None])
            fitted = self._slid(spectrum, rows), vanishing(weight, self.power, slid.gram.dtype)
        else:
            fitted = slid, vanishing(spectrum.ivar, self.power, slid.gram.dtype)
        away = self._uncovered(spectrum, pixels)
        chi2, coeff, violation, converged = self._solved(spectrum, fitted, slid, away, serial)
        unconverged = jnp.sum(~converged, dtype=jnp.int32)
        return Curve(chi2, null_chi2(spectrum), jnp.max(violation), unconverged), coeff

    def _slid(self, spectrum: OnLattice, rows: sliding.Conditioned) -> sliding.Slid:
        offset = spectrum.start - (self.grid.start + self.trials.first)
        if self.precision == "float32":
            rows = sliding.Conditioned(*(values.astype(jnp.float32) for values in rows))
        if isinstance(self.part, sliding.Transforms):
            sizes = {"nbasis": len(self.power), "nshift": self.trials.number}
            return sliding.by_fft(self.part, rows, offset, **sizes, explain=False)
        shifts = jnp.arange(self.trials.number, dtype=offset.dtype)
        return sliding.direct(self.part, rows, offset - shifts, explain=False)

    def _uncovered(self, spectrum: OnLattice, pixels: Pixels) -> Uncovered:
        """Return what the pixels beyond the basis change; nothing where non-negative fixed columns go on."""
        at = jnp.arange(self.size, dtype=pixels.edges.dtype)
        continuum = running_mean(pixels, at, CONTINUUM / self.grid.step)
        if len(spectrum.fixed_rhs):
            continuum = jnp.zeros_like(continuum)
        trial = jnp.arange(self.trials.number, dtype=jnp.int32)
        first = (self.grid.start + self.trials.first) + trial - spectrum.start
        opaque = bool(self.grid.wave[0] <= LYMAN_LIMIT)
        return uncovered(spectrum, continuum, first, first + self.grid.size, opaque=opaque)

    def _solved(
        self,
        spectrum: OnLattice,
        fitted: tuple[sliding.Slid, Float[Array, " basis"]],
        weighted: sliding.Slid,
        away: Uncovered,
        serial: bool,
    ) -> tuple[Array, Array, Array, Array]:
        """Solve `fitted` and return the χ² of `weighted` and the coefficients, block by block of trial redshifts.

        The matrices of a block stay in a processor's own cache.
        """
        count, dtype = self.trials.number, "float64" if self.precision == "float64" else "float32"
        lanes = min(lanes_of(len(self.power) + len(spectrum.fixed_rhs), dtype), count) if serial else count

        def block(begin: Array) -> tuple[Array, Array, Array, Array]:
            cut = functools.partial(jax.lax.dynamic_slice_in_dim, start_index=begin, slice_size=lanes, axis=-1)

            def equations(slid: sliding.Slid) -> NormalEquations:
                slid = sliding.Slid(*(cut(values).astype(away.chi2.dtype) for values in slid))
                gram = sliding.explained(slid.gram, slid.projected)
                rhs = slid.rows[0] + jnp.sum(slid.projected * cut(away.reduced)[:, None], axis=0)
                if not len(spectrum.fixed_rhs):
                    return NormalEquations(gram, rhs)
                fixed = jnp.broadcast_to(spectrum.fixed_rhs[:, None], (len(spectrum.fixed_rhs), lanes))
                return extended(NormalEquations(gram, rhs), slid.rows[1:], spectrum.fixed_gram, fixed)

            wanted, true = without_vanishing(equations(fitted[0]), fitted[1]), equations(weighted)
            lean = NormalEquations(*(values.astype(dtype) for values in wanted))
            solution = solved(lean, len(self.power), positive=self.positive, solver=self.solver)
            # Without the barrier the compiler repeats what made the coefficients wherever they are used.
            coeff = jax.lax.optimization_barrier(solution.coeff).astype(away.chi2.dtype)
            chi2 = chi2_of(true, spectrum.null - cut(away.chi2), coeff)
            violation = kkt(wanted, coeff, nfree=0 if self.positive else len(self.power))
            return chi2.astype(dtype), coeff, violation, solution.converged

        begins = np.minimum(np.arange(0, count, lanes), count - lanes)
        blocks = jax.lax.map(block, jnp.asarray(begins))
        # The last block begins early enough to be whole, and repeats the end of the one before.
        again = lanes * len(begins) - count

        def join(values: Array) -> Array:
            whole = jnp.moveaxis(values[:-1], 0, -2).reshape(*values.shape[1:-1], -1)
            return jnp.concatenate([whole, values[-1, ..., again:]], axis=-1)

        chi2, coeff, violation, converged = (join(values) for values in blocks)
        return chi2, coeff, violation, converged


class TemplateFits(eqx.Module):
    """The best fit of one spectrum near each candidate, in its native pixels and float64."""

    native: Native
    positive: bool = eqx.field(static=True)

    def __call__(
        self, serial: bool, pixels: Pixels, shifts: Float[Array, " cand"], own: Float[Array, "comp pix"] | None = None
    ) -> Fit:
        """Return the fits; NaN where a candidate is."""
        spectrum = self.native.prepare(pixels, own)
        width = (pixels.edges[pixels.filled] - pixels.edges[0]) / jnp.maximum(pixels.filled, 1).astype(shifts.dtype)
        scale = jnp.maximum(width / 2, 1)
        there = jnp.isfinite(shifts)
        nslide = len(self.native.integral)

        def at(shift: Float[Array, ""]) -> Moments:
            return self.native.moments(spectrum, shift, blocks=True)

        def evaluate(shifts: Float[Array, " cand"]) -> tuple[Array, tuple[Array, Array, Array]]:
            each = jax.lax.map(at, shifts) if serial else jax.vmap(at)(shifts)
            side_by_side = NormalEquations(each.equations.gram[..., 0].T, each.equations.rhs[..., 0].T)
            moments = Moments(side_by_side, each.const, each.covered)
            chi2, solution = solved_chi2(moments, nslide, positive=self.positive)
            return chi2, (solution.coeff.T, solution.converged, each.covered)

        shift, error, chi2, (coeff, converged, covered) = refine(evaluate, jnp.where(there, shifts, 0), scale)

        def squares(candidate: tuple[Array, Array]) -> Float[Array, " pix"]:
            return spectrum.pixels.ivar * jnp.square(self.native.fitted(spectrum, *candidate).residual)

        given = (shift, coeff)
        few = in_few_pixels(jax.lax.map(squares, given) if serial else jax.vmap(squares)(given), chi2, there)
        blank = lambda values: jnp.where(there.reshape(-1, *[1] * (values.ndim - 1)), values, jnp.nan)  # noqa: E731
        return Fit(
            blank(shift),
            blank(error),
            blank(chi2),
            blank(coeff[:, :nslide]),
            converged & there,
            blank(covered),
            blank(few),
            self.native.null(spectrum),
        )


def in_few_pixels(
    squares: Float[Array, "cand pix"], chi2: Float[Array, " cand"], there: Bool[Array, " cand"]
) -> Float[Array, " cand"]:
    """Return the most that `FEW` neighbouring pixels add to χ² of each candidate beyond that of the best of them.

    Args:
        squares: what each pixel has of χ².
        chi2: of each candidate.
        there: whether there is one.
    """
    more = squares - squares[jnp.argmin(jnp.where(there, chi2, jnp.inf))][None]
    return jnp.max(sum(more[:, k : more.shape[1] - FEW + 1 + k] for k in range(FEW)), axis=1)
