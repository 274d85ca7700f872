"""A target among nuisance components, all Gaussian [L].

    χ²(z) = dᵀ (C_res + C_nuisance + C_target(z))⁻¹ d   [L, eq. 4-6].

One Cholesky decomposition takes care of all nuisance components, and everything that depends on z is a correlation with
the target (see `jaxz.kernels.sliding`), in the target's frame of whitened flux, in which a shift is a shift [L, eq. 8].
The target is taken as it is; where it is partly beyond the data it has less to say, and where it is wholly so Δχ² is 0.
"""

import dataclasses
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxz._typing import Array, Float, Int
from jaxz.kernels import elimination, sliding, woodbury
from jaxz.kernels.minima import parabola
from jaxz.kernels.normal import NormalEquations, chi2 as chi2_of, extended
from jaxz.models.columns import Fixed, Kind, Nuisance, check_nuisance, parts_of
from jaxz.models.components import GaussianComponent, Whitening
from jaxz.models.error import ErrorModel
from jaxz.models.lattice import OnLattice, null_chi2, on_lattice
from jaxz.models.model import AbstractModel, Curve, Engine, Fit, Precision, digest, nuisance_cards
from jaxz.models.steps import GUARD, TAPER, shifted
from jaxz.models.templates import check_option, unmasked
from jaxz.models.trials import Trials
from jaxz.pixels import WINDOW, Pixels, bucket
from jaxz.spectra import Spectra

PLACES = 64
"""Shifts in one matrix product: more multiply more zeros, fewer use the processor less well."""

LONG = 400
"""Pixels of a target from which on transforms are faster than products."""

FINE = 0.1
"""Spacing of the fine grid on which a minimum is looked for, in lattice pixels."""

REACH, ARM = 50, 5
"""Fine pixels on either side of a candidate that its minimum is looked for in, and of the minimum that its curvature is
taken over."""

_PLACES = REACH + ARM
_PAD = TAPER + GUARD + 1 + round(_PLACES * FINE)


class Madgics(AbstractModel):
    """What is searched for, and what is marginalised over.

    Args:
        target: a shiftable component, searched for at every trial redshift.
        nuisance: components fixed in the observed frame, any number; one at a known redshift is `component.at(z)`.
        logdet: add ln|C|, less that of the noise: χ² is then -2 ln of the marginal likelihood, which can be compared
            between components.
        emission: let the flux of the target be positive only (see `jaxz.kernels.woodbury.emission_penalty`): for what
            is known to be emission, as a component with mean zero takes a trough for a line as well.

    Raises:
        ValueError: if the target is not shiftable, a nuisance component is, or their lattice steps differ.

    Example:
        >>> model = jaxz.Madgics(jaxz.load_component("desi-lae"), [jaxz.load_component("desi-sky")], emission=True)
        >>> model.fitmethod, model.spectype
        ('MADGICS', 'LAE')
    """

    target: GaussianComponent
    nuisance: tuple[Nuisance, ...]
    logdet: bool = eqx.field(static=True)
    emission: bool = eqx.field(static=True)
    error: ErrorModel | None = eqx.field(init=False, default=None)

    def __init__(
        self, target: GaussianComponent, nuisance: Sequence[Nuisance] = (), *, logdet: bool = False,
        emission: bool = False,
    ) -> None:  # fmt: skip
        self.target, self.nuisance = target, tuple(nuisance)
        self.logdet, self.emission = logdet, emission

    def __check_init__(self) -> None:
        if self.target.reference_z is None:
            raise ValueError(
                f"target {self.target.name!r} is fixed in the observed frame: a target needs a reference_z"
            )
        check_nuisance(self.nuisance, self.target.grid.step)

    def cards(self) -> dict[str, str | float | int]:
        """Return what the header of a catalog says of the model."""
        target = self.target
        cards = {"TARGET": target.name, "TARGVER": target.version, "TARGSHA": target.sha256}
        cards |= {"CALIBRAT": target.calibration, "VELOCITY": target.velocity}
        return cards | {"NNUIS": len(self.nuisance)} | nuisance_cards(self.nuisance)

    def __len__(self) -> int:
        return len(self.target)

    @property
    def name(self) -> str:
        """Name of the target."""
        return self.target.name

    @property
    def spectype(self) -> str:
        """Class of the target."""
        return self.target.spectype

    @property
    def fitmethod(self) -> str:
        """MADGICS."""
        return "MADGICS"

    @property
    def step(self) -> float:
        """Lattice step of all components, dex."""
        return self.target.grid.step

    @property
    def line(self) -> float:
        """Mean rest wavelength of the power of the target, Å: where its line is, if it has one."""
        return 10.0 ** (self.target.centre * self.step)

    @property
    def sha256(self) -> str:
        """Fingerprint of all arrays and settings."""
        arrays = (np.asarray(leaf) for leaf in jax.tree.leaves((self.target, self.nuisance)))
        return digest(jax.tree.structure(self), *arrays)

    def counts(self, spectra: Spectra) -> np.ndarray:
        """Return which native pixels have data and are not masked by a nuisance component, (spec, pix) bool."""
        return unmasked(spectra, self.nuisance, self.step)

    def reach(self, trials: Trials) -> tuple[float, float]:
        """Return the ends of the target in Å at the lowest and at the highest trial redshift."""
        first = self.target.rest_start
        last = first + self.target.grid.size - 1
        return 10.0 ** ((first + trials.first) * self.step), 10.0 ** ((last + trials.last) * self.step)

    def fft_lengths(self, start: np.ndarray, size: np.ndarray, trials: Trials) -> np.ndarray:
        """Return the length of the transforms, which run over the range of the target alone, (spec,) int."""
        reach = trials.number - 1 + self.target.grid.size
        return np.full(len(start), sliding.fft_length(reach, 1, 0, 0))

    def curves(
        self, trials: Trials, size: int, nfft: int, *, precision: Precision, engine: Engine | None, own: Kind | None
    ) -> "MadgicsCurves":
        """Return the task (spectrum[, own columns]) → `Curve`; see `AbstractModel`.

        Engines are "products", by blocks of matrix products, and "fft", by transforms; the faster one for the length of
        the target if absent. The sums of products of few pixels are as good in float32: mixed precision has them so.
        """
        chosen = engine or ("products" if self.target.grid.size <= LONG else "fft")
        check_option("engine", chosen, ("products", "fft"))
        with jax.enable_x64(True):
            frame = _frame(self, own)
            if chosen == "products":
                lean = frame.vectors if precision == "float64" else frame.vectors.astype(jnp.float32)
                part = sliding.places(lean, min(PLACES, trials.number))
            elif precision == "float32":
                part = sliding.transform_blocks(frame.vectors.astype(jnp.float32), nfft // sliding.BLOCKS)
            else:
                part = sliding.transform(frame.vectors, nfft)
            begin = self.target.rest_start + trials.first
            return MadgicsCurves(part, frame, trials.number, begin, size, self.logdet, self.emission)

    def fits(self, trials: Trials, size: int, *, own: Kind | None) -> "MadgicsFits":
        """Return the task (spectrum, shifts of candidates[, own columns]) → `Fit`; see `AbstractModel`."""
        with jax.enable_x64(True):
            frame = _frame(self, own)
            fine = shifted(np.asarray(frame.vectors), FINE * np.arange(-_PLACES, _PLACES + 1), margin=_PAD)
            part = sliding.with_products(jnp.asarray(fine))
            begin = self.target.rest_start - _PAD
            return MadgicsFits(part, frame, begin, size, self.logdet, self.emission)

    def chi2(self, pixels: Pixels, z: ArrayLike) -> Float[Array, ""]:
        """Return χ² of one spectrum at one redshift; see `jaxz.chi2`."""
        spectrum, _, slid, frame = self._at(pixels, z)
        return spectrum.null + _gain(slid, spectrum, frame.area, logdet=self.logdet, emission=self.emission)[0]

    def predict(self, pixels: Pixels, z: ArrayLike) -> Float[Array, "part pix"]:
        """Return the posterior means of one spectrum at one redshift: the target, then each nuisance part; no noise."""
        spectrum, vectors, slid, frame = self._at(pixels, z)
        coeff = _solution(slid, spectrum).coeff[:, 0]
        own, positive = coeff[: len(self)], coeff[len(self) :]
        target = jnp.matmul(own, vectors, precision=woodbury.HIGHEST)
        flux = spectrum.flux - target
        eliminated, columns, _ = frame.fixed.on_lattice(pixels.start, len(flux))
        flux = flux - jnp.matmul(positive, columns, precision=woodbury.HIGHEST)
        of_eliminated = woodbury.coefficients(spectrum.factor, flux)
        parts = jnp.stack([target, *parts_of(self.nuisance, eliminated, columns, of_eliminated, positive)])
        middle = jnp.round((pixels.edges[1:] + pixels.edges[:-1]) / 2).astype(jnp.int32)
        return parts[:, jnp.clip(middle, 0, len(flux) - 1)]

    @property
    def coefficients(self) -> Kind:
        """Coefficients of the target are Gaussian."""
        return "gaussian"

    def sliding_columns(self, z: ArrayLike, start: Int[Array, ""], size: int) -> Float[Array, "comp obs"]:
        """Return the target at a redshift, in flux, on `size` lattice pixels from `start` on."""
        frame = _frame(self, None)
        dtype = frame.vectors.dtype
        place = jnp.log10(1 + jnp.asarray(z, dtype=dtype)) / self.step
        place = place + (self.target.rest_start - start).astype(dtype)
        return moved(frame.vectors, place, size) * frame.white(start, size)[None]

    def _at(self, pixels: Pixels, z: ArrayLike) -> tuple[OnLattice, Float[Array, "comp obs"], sliding.Slid, "Frame"]:
        """Return a spectrum on the lattice, the target in flux at a redshift there, its products, and the frame."""
        size = bucket(pixels.flux.shape[0], WINDOW)
        frame = _frame(self, None)
        spectrum = on_lattice(pixels, None, frame.fixed, size)
        vectors = self.sliding_columns(z, pixels.start, size)
        slid = sliding.at_places(sliding.with_products(vectors[:, None]), spectrum.rows)
        return spectrum, vectors, slid, frame


def moved(vectors: Float[Array, "comp rest"], place: Float[Array, ""], size: int) -> Float[Array, "comp size"]:
    """Return vectors with their pixel 0 at `place` of a window, by band-limited interpolation, differentiable in it.

    It is `jaxz.models.steps.shifted`, which says how edges are handled, for one place that may be traced.
    """
    rest, margin = vectors.shape[1], 2 * TAPER
    whole = jnp.round(place)
    tail = jnp.asarray(0.5 + 0.5 * np.cos(np.pi * (np.arange(TAPER) + 1) / (TAPER + 1)), dtype=vectors.dtype)
    full = 1 << (rest + 2 * margin + 2 * GUARD - 1).bit_length()
    rows = jnp.concatenate([vectors[:, :1] * tail[::-1][None], vectors, vectors[:, -1:] * tail[None]], axis=1)
    rows = jnp.pad(rows, ((0, 0), (margin - TAPER, full - rest - TAPER - margin)))
    angle = -2 * np.pi * (place - whole) * jnp.asarray(np.fft.rfftfreq(full), dtype=vectors.dtype)
    # The highest frequency has no phase of its own: half of it goes each way.
    phase = jax.lax.complex(jnp.cos(angle), jnp.sin(angle).at[-1].set(0))
    finer = jnp.fft.irfft(jnp.fft.rfft(rows) * phase[None], n=full)[:, : rest + 2 * margin]
    wide = jnp.pad(finer, ((0, 0), (size, size)))
    begin = jnp.clip(whole.astype(jnp.int32) - margin, -finer.shape[1], size)
    return jax.lax.dynamic_slice_in_dim(wide, size - begin, size, axis=1)


class Frame(eqx.Module):
    """The target in its own whitened flux, with unit mean square, and the columns beside it.

    Attributes:
        vectors: (comp, rest).
        fixed: columns.
        area: ∫ dλ of each vector, whose sign is that of a line flux. (A line is narrow, so that the curve is level.)
        unit: root mean square of the vectors as they are given.
        whitening: their curve, or None.
        step: of the lattice, dex.
    """

    vectors: Float[Array, "comp rest"]
    fixed: Fixed
    area: Float[Array, " comp"]
    unit: Float[Array, ""]
    whitening: Whitening | None
    step: float = eqx.field(static=True)

    def white(self, start: Int[Array, ""], size: int) -> Float[Array, " obs"]:
        """Return by what the vectors are multiplied on a window to be flux: unit √variance(λ)."""
        if self.whitening is None:
            return jnp.broadcast_to(self.unit, (size,))
        low, high = self.whitening.low, self.whitening.high
        loglam = (start + jnp.arange(size, dtype=start.dtype)).astype(self.unit.dtype) * self.step
        x = (2 * jnp.clip(loglam, low, high) - (low + high)) / (high - low)
        curve = jnp.zeros_like(x)
        for power in reversed(range(len(self.whitening.coeff))):
            curve = curve * x + self.whitening.coeff[power]
        return self.unit * jnp.exp(curve / 2)

    def in_reach(self, spectrum: OnLattice, size: int) -> Callable[[int | Int[Array, ""]], sliding.Conditioned]:
        """Return a function of a lattice pixel: what the target slides along, in its frame, `size` pixels from it."""
        white = self.white(spectrum.start, len(spectrum.flux))
        ivar, projected, rows = spectrum.rows
        # Padded once, and cut as often as wanted.
        wide = [
            jnp.pad(values, [(0, 0)] * (values.ndim - 1) + [(size, size)])
            for values in (ivar * white**2, projected * white[None], rows * white[None])
        ]

        def cut(begin: int | Int[Array, ""]) -> sliding.Conditioned:
            place = jnp.asarray(begin, dtype=spectrum.start.dtype) - spectrum.start + size
            place = jnp.clip(place, 0, len(white) + size)
            return sliding.Conditioned(*(jax.lax.dynamic_slice_in_dim(x, place, size, axis=-1) for x in wide))

        return cut


def _frame(model: Madgics, own: Kind | None) -> Frame:
    vectors = jnp.asarray(model.target.vectors, dtype=jnp.result_type(float))
    unit = jnp.sqrt(jnp.mean(jnp.square(vectors)))
    vectors = vectors / unit
    area = vectors @ jnp.asarray(10.0 ** (model.step * np.arange(vectors.shape[1])), dtype=vectors.dtype)
    curve = model.target.whitening
    if curve is not None:
        curve = dataclasses.replace(curve, coeff=jnp.asarray(curve.coeff, dtype=vectors.dtype))
    return Frame(vectors, Fixed.of(model.nuisance, own), area, unit, curve, model.step)


def _solution(slid: sliding.Slid, spectrum: OnLattice) -> elimination.Solution:
    """Return the coefficients of the target and of the non-negative fixed columns, in every lane."""
    return elimination.solve(_equations(slid, spectrum), slid.rows.shape[1], prior=1)


def _equations(slid: sliding.Slid, spectrum: OnLattice) -> NormalEquations:
    nfixed, nlane = len(spectrum.fixed_rhs), slid.gram.shape[-1]
    if not nfixed:
        return slid.equations
    dtype = slid.gram.dtype
    rhs = jnp.broadcast_to(spectrum.fixed_rhs[:, None], (nfixed, nlane)).astype(dtype)
    return extended(slid.equations, slid.rows[1:], spectrum.fixed_gram.astype(dtype), rhs)


def _gain(
    slid: sliding.Slid, spectrum: OnLattice, area: Float[Array, " comp"], *, logdet: bool, emission: bool
) -> Float[Array, " lane"]:
    """Return what the target, and non-negative fixed columns, change in χ² at every place."""
    delta, gain = woodbury.delta_chi2(slid.equations)
    if len(spectrum.fixed_rhs):
        equations, solution = _equations(slid, spectrum), _solution(slid, spectrum)
        own = solution.coeff[: slid.rows.shape[1]]
        delta = chi2_of(equations, jnp.zeros_like(delta), solution.coeff) + jnp.sum(jnp.square(own), axis=0)
    delta = delta.astype(spectrum.null.dtype)
    if logdet:
        delta = delta + gain.astype(delta.dtype) + woodbury.logdet_gain(spectrum.factor)
    if emission:
        delta = delta + woodbury.emission_penalty(slid.equations, area.astype(slid.gram.dtype)).astype(delta.dtype)
    return delta


class MadgicsCurves(eqx.Module):
    """χ² of one spectrum at every trial redshift.

    The curves are float64 in every precision, because Δχ² is a small part of the total.
    """

    part: sliding.Places | sliding.Transforms
    frame: Frame
    nshift: int = eqx.field(static=True)
    begin: int = eqx.field(static=True)
    size: int = eqx.field(static=True)
    logdet: bool = eqx.field(static=True)
    emission: bool = eqx.field(static=True)

    def __call__(self, serial: bool, pixels: Pixels, own: Float[Array, "comp pix"] | None = None) -> Curve:
        """Return the curve of one spectrum."""
        spectrum = on_lattice(pixels, own, self.frame.fixed, self.size)
        rows = self.frame.in_reach(spectrum, self.nshift - 1 + self.frame.vectors.shape[1])(self.begin)
        lean = sliding.Conditioned(*(values.astype(self.part.vectors.real.dtype) for values in rows))
        if isinstance(self.part, sliding.Places):
            slid = sliding.by_products(self.part, lean, self.nshift)
        else:
            nbasis = len(self.frame.vectors)
            slid = sliding.by_fft(self.part, lean, jnp.int32(0), nbasis=nbasis, nshift=self.nshift)
        gain = _gain(slid, spectrum, self.frame.area, logdet=self.logdet, emission=self.emission)
        null = null_chi2(spectrum)
        if self.logdet:
            null = null + woodbury.logdet_gain(spectrum.factor)
        return Curve(spectrum.null + gain, null, jnp.zeros_like(null), jnp.int32(0))


class MadgicsFits(eqx.Module):
    """The minimum of χ² within 5 lattice pixels of each candidate, in float64.

    The eigenvectors are shifted by fractions of a pixel, by band-limited interpolation (`jaxz.models.steps.shifted`,
    which says how edges are handled), every 0.1 pixel. The parabola through the lowest three gives z and χ². The
    curvature of Δχ²/2 over ±5 of these fine pixels, by least squares, gives the error: Δχ² = a (p - p₀)² has risen by 1
    at σ_p = 1/√a, and a is the second derivative of Δχ²/2, the negative log-likelihood. (One of the two published codes
    forgets the ½.) It is infinite where the lowest is the first or the last in reach, or Δχ² does not bend upwards.
    """

    part: sliding.Places
    frame: Frame
    begin: int = eqx.field(static=True)
    size: int = eqx.field(static=True)
    logdet: bool = eqx.field(static=True)
    emission: bool = eqx.field(static=True)

    def __call__(
        self, serial: bool, pixels: Pixels, shifts: Float[Array, " cand"], own: Float[Array, "comp pix"] | None = None
    ) -> Fit:
        """Return the fits; NaN where a candidate is."""
        spectrum = on_lattice(pixels, own, self.frame.fixed, self.size)
        rows_from = self.frame.in_reach(spectrum, self.part.vectors.shape[-1])

        def candidate(shift: Float[Array, ""]) -> tuple[Array, ...]:
            whole = jnp.nan_to_num(shift).astype(jnp.int32)
            slid = sliding.at_places(self.part, rows_from(whole + self.begin))
            delta = _gain(slid, spectrum, self.frame.area, logdet=self.logdet, emission=self.emission)
            offset, error, least = _minimum(delta)
            nearest = jnp.round(offset / FINE).astype(jnp.int32) + _PLACES
            coeff = _solution(slid, spectrum).coeff[: slid.rows.shape[1], nearest]
            return whole.astype(shift.dtype) + offset, error, spectrum.null + least, coeff

        found = jax.lax.map(candidate, shifts)
        there = jnp.isfinite(shifts)
        blank = lambda values: jnp.where(there.reshape(-1, *[1] * (values.ndim - 1)), values, jnp.nan)  # noqa: E731
        shift, error, chi2, coeff = map(blank, found)
        null = null_chi2(spectrum)
        if self.logdet:
            null = null + woodbury.logdet_gain(spectrum.factor)
        every = jnp.ones_like(chi2)
        return Fit(shift, error, chi2, coeff, there, blank(every), blank(0 * every), null)


def _minimum(curve: Float[Array, " lane"]) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
    """Return where a curve on the fine grid is lowest, in lattice pixels from its middle, the error, and the value."""
    lowest = jnp.argmin(curve[ARM:-ARM]) + ARM
    near = jnp.arange(-ARM, ARM + 1)
    offset = FINE * (jnp.arange(-1, 2) + lowest - _PLACES).astype(curve.dtype)
    vertex, least, _ = parabola(offset, jax.lax.dynamic_slice_in_dim(curve, lowest - 1, 3))
    # Least squares on 2 ARM + 1 places: x² less its mean is orthogonal to the constant and to the slope.
    square = np.arange(-ARM, ARM + 1) ** 2.0
    square -= square.mean()
    bend = jnp.sum(jnp.asarray(square) * curve[lowest + near]) / (np.sum(square**2) * FINE**2)
    inside = (lowest > ARM) & (lowest < len(curve) - 1 - ARM)
    error = jnp.where(inside & (bend > 0), jax.lax.rsqrt(jnp.where(bend > 0, bend, 1)), jnp.inf)
    # At the end of the reach the vertex may be far beyond it.
    return jnp.clip(vertex, offset[0], offset[-1]), error, least
