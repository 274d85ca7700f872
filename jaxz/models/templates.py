"""Rest-frame vectors that slide: with non-negative coefficients [M], or with free ones, as Redrock's PCA templates."""

import abc
import dataclasses
import functools
from collections.abc import Sequence
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxz._typing import Array, Float, Int
from jaxz.kernels import elimination, resample, sliding, woodbury
from jaxz.kernels.nnls import Solver, nnls
from jaxz.kernels.normal import NormalEquations, chi2 as chi2_of, extended, kkt, vanishing, without_vanishing
from jaxz.models.basis import Basis
from jaxz.models.columns import Fixed, Kind, Nuisance, check_nuisance, parts_of
from jaxz.models.components import GaussianComponent
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
from jaxz.models.model import AbstractModel, Curve, Engine, Fit, Precision, digest, nuisance_cards
from jaxz.models.native import Moments, Native, Prepared
from jaxz.models.refinement import refine
from jaxz.models.trials import Trials
from jaxz.pixels import Pixels
from jaxz.spectra import LogGrid, Spectra

Weighting = Literal["ivar", "uniform"]
Resampling = Literal["overlap", "linear"]


class AbstractTemplates(AbstractModel):
    """A basis that slides; the two final classes say of what kind its coefficients are."""

    basis: eqx.AbstractVar[Basis]
    weighting: eqx.AbstractVar[Weighting]
    resampling: eqx.AbstractVar[Resampling]
    solver: eqx.AbstractVar[Solver]

    @property
    @abc.abstractmethod
    def positive(self) -> bool:
        """Whether the coefficients are non-negative, or free."""

    @property
    def step(self) -> float:
        """Lattice step, dex."""
        return self.basis.grid.step

    @property
    def spectype(self) -> str:
        """Class of the basis."""
        return self.basis.spectype

    @property
    def name(self) -> str:
        """Name of the basis."""
        return self.basis.name

    @property
    def fitmethod(self) -> str:
        """NMF or PCA."""
        return "NMF" if self.positive else "PCA"

    @property
    def coefficients(self) -> Kind:
        """Of the basis: non-negative or free."""
        return "non-negative" if self.positive else "free"

    def sliding_columns(self, z: ArrayLike, start: Int[Array, ""], size: int) -> Float[Array, "basis obs"]:
        """Return the basis at a redshift on `size` lattice pixels from `start` on."""
        native = _native(self, None)
        dtype = native.integral.dtype
        edges = jnp.arange(size + 1, dtype=dtype) - 0.5
        return native.design(edges, start, jnp.log10(1 + jnp.asarray(z, dtype=dtype)) / self.step)

    @property
    def line(self) -> None:
        """A basis has lines everywhere."""
        return None

    @property
    def sha256(self) -> str:
        """Fingerprint of all arrays and settings."""
        vectors = (np.asarray(leaf) for leaf in jax.tree.leaves((self.basis, self.nuisance)))
        return digest(jax.tree.structure(self), *vectors)

    def cards(self) -> dict[str, str | float | int]:
        """Return what the header of a catalog says of the model."""
        basis = self.basis
        cards = {"BASIS": basis.name, "BASISVER": basis.version, "BASISSHA": basis.sha256}
        return cards | nuisance_cards(self.nuisance)

    def __len__(self) -> int:
        return len(self.basis)

    def counts(self, spectra: Spectra) -> np.ndarray:
        """Return which native pixels have data and are not masked by a nuisance component, (spec, pix) bool."""
        return unmasked(spectra, self.nuisance, self.step)

    def reach(self, trials: Trials) -> tuple[float, float]:
        """Return the ends of the basis in Å at the lowest and at the highest trial redshift."""
        low, high = self.basis.grid.wave[[0, -1]]
        return low * 10.0 ** (trials.first * trials.step), high * 10.0 ** (trials.last * trials.step)

    def fft_lengths(self, start: np.ndarray, size: np.ndarray, trials: Trials) -> np.ndarray:
        """Return the length of the transforms for spectra of `size` lattice pixels from `start` on, (spec,) int."""
        offset = start - self.basis.grid.start - trials.first
        limits = (offset - trials.number + 1, offset)
        every = (
            sliding.fft_length(self.basis.grid.size, int(n), *map(int, o)) for n, *o in zip(size, *limits, strict=True)
        )
        return np.fromiter(every, int, len(start))

    def curves(
        self, trials: Trials, size: int, nfft: int, *, precision: Precision, engine: Engine | None, own: Kind | None
    ) -> "TemplateCurves":
        """Return the task (spectrum[, own columns]) → `Curve`; see `AbstractModel`. Engines are "fft" and "direct"."""
        check_option("engine", engine or "fft", ("fft", "direct"))
        with jax.enable_x64(True):
            known = np.asarray(self.basis.vectors)
            peak = np.max(np.abs(known), axis=1, keepdims=True).astype(np.float64)
            rms = peak * np.sqrt(np.mean(np.square(known / peak), axis=1, keepdims=True))
            vectors = jnp.asarray(known / rms, dtype=jnp.float64)
            return TemplateCurves(
                vectors if engine == "direct" else sliding.transform(vectors, nfft),
                jnp.sqrt(jnp.sum(vectors**4, axis=1)),
                Fixed.of(self.nuisance, own),
                positive=self.positive,
                trials=trials,
                grid=self.basis.grid,
                size=size,
                weighting=self.weighting,
                resampling=self.resampling,
                solver=self.solver,
                precision=precision,
            )

    def fits(self, trials: Trials, size: int, *, own: Kind | None) -> "TemplateFits":
        """Return the task (spectrum, shifts of candidates[, own columns]) → `Fit`; see `AbstractModel`."""
        with jax.enable_x64(True):
            return TemplateFits(_native(self, own), positive=self.positive)

    def chi2(self, pixels: Pixels, z: ArrayLike) -> Float[Array, ""]:
        """Return χ² of one spectrum at one redshift; see `jaxz.chi2`."""
        native, prepared, shift = self._at(pixels, z)
        moments = native.moments(prepared, shift, blocks=False)
        return solved_chi2(moments, len(self), positive=self.positive)[0][0]

    def predict(self, pixels: Pixels, z: ArrayLike) -> Float[Array, "part pix"]:
        """Return the best fit of one spectrum at one redshift: the basis, then each nuisance part; no noise."""
        native, prepared, shift = self._at(pixels, z)
        moments = native.moments(prepared, shift, blocks=False)
        coeff = solved_chi2(moments, len(self), positive=self.positive)[1].coeff[:, 0]
        positive = coeff[len(self) :]
        slid = jnp.matmul(coeff[: len(self)], native.columns(prepared, shift), precision=woodbury.HIGHEST)
        left = prepared.pixels.flux - slid - jnp.matmul(positive, prepared.positive, precision=woodbury.HIGHEST)
        eliminated = woodbury.coefficients(prepared.factor, left)
        columns = (prepared.factor.vectors, prepared.positive)
        return jnp.stack([slid, *parts_of(self.nuisance, *columns, eliminated, positive)])

    def _at(self, pixels: Pixels, z: ArrayLike) -> tuple[Native, Prepared, Float[Array, ""]]:
        native = _native(self, None)
        shift = jnp.log10(1 + jnp.asarray(z, dtype=pixels.flux.dtype)) / self.step
        return native, native.prepare(pixels, None), shift


class NonNegative(AbstractTemplates):
    """A basis whose combinations with non-negative coefficients are spectra [M, eq. 5], and what may lie beside it.

    χ² is minimised with the coefficients not negative: the true minimum, not that of the normal equations' residual.
    Beyond the ends of the basis see `jaxz.models.lattice`.

    Args:
        basis: the vectors, non-negative.
        nuisance: columns that are fixed in the observed frame, on the lattice step of the basis.
        weighting: "ivar" minimises χ²; "uniform" is the published recipe, an unweighted fit of λ f_λ.
        resampling: "overlap" conserves information; "linear" is the published recipe.
        solver: of the scan's fits, "pivoting" or "gradient" (see `jaxz.kernels.nnls`); the first is faster on a CPU.

    Raises:
        ValueError: if the basis may be negative, an option is not one of the above, a nuisance component is shiftable
            or on another lattice step.

    Example:
        >>> import numpy as np
        >>> from jaxz import Basis, LogGrid, NonNegative
        >>> grid = LogGrid.covering(3000.0, 7000.0)
        >>> len(NonNegative(Basis(np.ones((1, grid.size)), grid)))
        1
    """

    basis: Basis
    nuisance: tuple[Nuisance, ...]
    weighting: Weighting = eqx.field(static=True)
    resampling: Resampling = eqx.field(static=True)
    solver: Solver = eqx.field(static=True)

    def __init__(
        self, basis: Basis, nuisance: Sequence[Nuisance] = (), *, weighting: Weighting = "ivar",
        resampling: Resampling = "overlap", solver: Solver = "pivoting",
    ) -> None:  # fmt: skip
        self.basis, self.nuisance = basis, tuple(nuisance)
        self.weighting, self.resampling, self.solver = weighting, resampling, solver

    def __check_init__(self) -> None:
        if getattr(self.basis, "method", "NMF") != "NMF":
            raise ValueError(f"basis {self.name!r} is one of PCA, with values of either sign: use jaxz.Free(basis)")
        check_option("weighting", self.weighting, ("ivar", "uniform"))
        check_option("resampling", self.resampling, ("overlap", "linear"))
        check_option("solver", self.solver, ("pivoting", "gradient"))
        check_nuisance(self.nuisance, self.step)
        if self.weighting == "uniform" and self.nuisance:
            raise ValueError("weighting='uniform' knows no noise, and nuisance parts need it: use weighting='ivar'")

    @property
    def positive(self) -> bool:
        """Coefficients are not negative."""
        return True


class Free(AbstractTemplates):
    """A basis whose coefficients are free, as Redrock's PCA templates, and what may lie beside it.

    Args:
        basis: the vectors, of any sign.
        nuisance: columns that are fixed in the observed frame, on the lattice step of the basis.

    Raises:
        ValueError: if a nuisance component is shiftable, or on another lattice step.
    """

    basis: Basis
    nuisance: tuple[Nuisance, ...]
    weighting: Weighting = eqx.field(static=True, init=False, default="ivar")
    resampling: Resampling = eqx.field(static=True, init=False, default="overlap")
    solver: Solver = eqx.field(static=True, init=False, default="pivoting")

    def __init__(self, basis: Basis, nuisance: Sequence[Nuisance] = ()) -> None:
        self.basis, self.nuisance = basis, tuple(nuisance)

    def __check_init__(self) -> None:
        check_nuisance(self.nuisance, self.step)

    @property
    def positive(self) -> bool:
        """Coefficients have any sign."""
        return False


def check_option(name: str, value: str | None, known: Sequence[str]) -> None:
    """Refuse an option that is not known.

    Raises:
        ValueError: listing those that are.
    """
    if value not in known:
        raise ValueError(f"{name}={value!r}: use one of {', '.join(known)}")


def with_step(model: AbstractTemplates, step: float) -> AbstractTemplates:
    """Return a model on a lattice of another step."""
    return dataclasses.replace(model, basis=model.basis.with_step(step))


def unmasked(spectra: Spectra, nuisance: Sequence[Nuisance], step: float) -> np.ndarray:
    """Return which native pixels have data and are not masked by a component, (spec, pix) bool."""
    good = spectra.ivar > 0
    pixel = np.rint(np.log10(spectra.wave) / step).astype(int)
    for part in nuisance:
        if not isinstance(part, GaussianComponent) or part.mask is None:
            continue
        place = pixel - part.grid.start
        inside = (place >= 0) & (place < part.grid.size)
        good = good & ~(inside & np.asarray(part.mask)[np.clip(place, 0, part.grid.size - 1)])
    return good


def _native(model: AbstractTemplates, own: Kind | None) -> Native:
    dtype = jnp.result_type(float)
    integral = resample.cumulative(jnp.asarray(model.basis.vectors, dtype=dtype))
    return Native(integral, Fixed.of(model.nuisance, own), model.basis.grid)


def lanes_of(nbasis: int, precision: Precision) -> int:
    """Return how many trial redshifts a CPU solves together."""
    return 370


def solved(
    equations: NormalEquations, nslide: int, *, positive: bool, solver: Solver = "pivoting"
) -> elimination.Solution:
    """Return the best coefficients, the first `nslide` non-negative or free, those of fixed columns non-negative."""
    if positive:
        return elimination.Solution(*nnls(equations.unpack(), equations.rhs, solver=solver))
    return elimination.solve(equations, nslide, prior=0)


def solved_chi2(moments: Moments, nslide: int, *, positive: bool) -> tuple[Array, elimination.Solution]:
    """Return χ² (lane,) and coefficients for sums over native pixels, in one lane or several."""
    solution = solved(moments.equations, nslide, positive=positive)
    return chi2_of(moments.equations, moments.const, solution.coeff), solution


class TemplateCurves(eqx.Module):
    """χ² of one spectrum at every trial redshift, all at once on the lattice.

    The normal equations are summed in float64 in both precisions (see `jaxz.kernels.sliding`); `precision` is that of
    the fit. The χ² of the fitted coefficients is again evaluated in float64, so that float32 enters it only in second
    order, and rounded to `precision` at the end.
    """

    part: sliding.Transforms | Float[Array, "basis rest"]
    power: Float[Array, " basis"]
    fixed: Fixed
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
        # χ² does not change with the unit of flux; unit ivar keeps every product within the range of float32.
        unit = jnp.sum(pixels.ivar) / jnp.maximum(pixels.filled, 1).astype(pixels.ivar.dtype)
        unit = jnp.sqrt(jnp.maximum(unit, jnp.finfo(unit.dtype).tiny))
        pixels = pixels._replace(flux=pixels.flux * unit, ivar=pixels.ivar / unit**2)
        fixed, own = self.fixed.scaled(unit), None if own is None else own * unit
        spectrum = on_lattice(pixels, own, fixed, self.size, linear=self.resampling == "linear")
        slid = self._slid(spectrum, spectrum.rows)
        if self.weighting == "uniform":
            # The published recipe fits λ f_λ without weights, which is f_λ with weights λ².
            relative = 10.0 ** (2 * self.grid.step * jnp.arange(self.size, dtype=spectrum.flux.dtype))
            weight = jnp.where(spectrum.ivar > 0, relative, 0)
            rows = sliding.Conditioned(weight, spectrum.rows.projected, (weight * spectrum.flux)[None])
            fitted = self._slid(spectrum, rows), vanishing(weight, self.power)
        else:
            fitted = slid, vanishing(spectrum.ivar, self.power)
        away = self._uncovered(spectrum, pixels)
        chi2, violation, converged = self._solved(spectrum, fitted, slid, away, serial)
        return Curve(chi2, null_chi2(spectrum), jnp.max(violation), jnp.sum(~converged, dtype=jnp.int32))

    def _slid(self, spectrum: OnLattice, rows: sliding.Conditioned) -> sliding.Slid:
        offset = spectrum.start - (self.grid.start + self.trials.first)
        if isinstance(self.part, sliding.Transforms):
            return sliding.by_fft(self.part, rows, offset, nbasis=len(self.power), nshift=self.trials.number)
        return sliding.direct(self.part, rows, offset - jnp.arange(self.trials.number, dtype=offset.dtype))

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
    ) -> tuple[Array, Array, Array]:
        """Solve `fitted` and return the χ² of `weighted`, block by block of trial redshifts.

        The matrices of a block stay in a processor's own cache.
        """
        count = self.trials.number
        lanes = min(lanes_of(len(self.power), self.precision), count) if serial else count

        def block(begin: Array) -> tuple[Array, Array, Array]:
            cut = functools.partial(jax.lax.dynamic_slice_in_dim, start_index=begin, slice_size=lanes, axis=-1)

            def equations(slid: sliding.Slid) -> NormalEquations:
                slid = sliding.Slid(*map(cut, slid))
                rhs = slid.rows[0] + jnp.sum(slid.projected * cut(away.reduced)[:, None], axis=0)
                if not len(spectrum.fixed_rhs):
                    return NormalEquations(slid.gram, rhs)
                fixed = jnp.broadcast_to(spectrum.fixed_rhs[:, None], (len(spectrum.fixed_rhs), lanes))
                return extended(NormalEquations(slid.gram, rhs), slid.rows[1:], spectrum.fixed_gram, fixed)

            wanted, true = without_vanishing(equations(fitted[0]), fitted[1]), equations(weighted)
            lean = NormalEquations(*(values.astype(self.precision) for values in wanted))
            solution = solved(lean, len(self.power), positive=self.positive, solver=self.solver)
            # Without the barrier the compiler repeats what made the coefficients wherever they are used.
            coeff = jax.lax.optimization_barrier(solution.coeff).astype(away.chi2.dtype)
            chi2 = chi2_of(true, spectrum.null - cut(away.chi2), coeff)
            violation = kkt(wanted, coeff, nfree=0 if self.positive else len(self.power))
            return chi2.astype(self.precision), violation, solution.converged

        begins = np.minimum(np.arange(0, count, lanes), count - lanes)
        blocks = jax.lax.map(block, jnp.asarray(begins))
        # The last block begins early enough to be whole, and repeats the end of the one before.
        join = lambda x: jnp.concatenate([x[:-1].ravel(), x[-1, lanes * len(begins) - count :]])  # noqa: E731
        chi2, violation, converged = (join(values) for values in blocks)
        return chi2, violation, converged


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
            return chi2, (solution.coeff[:nslide].T, solution.converged, each.covered)

        shift, error, chi2, (coeff, converged, covered) = refine(evaluate, jnp.where(there, shifts, 0), scale)
        blank = lambda values: jnp.where(there.reshape(-1, *[1] * (values.ndim - 1)), values, jnp.nan)  # noqa: E731
        return Fit(
            blank(shift),
            blank(error),
            blank(chi2),
            blank(coeff),
            converged & there,
            blank(covered),
            self.native.null(spectrum),
        )
