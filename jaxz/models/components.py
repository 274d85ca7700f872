"""Gaussian components: what a spectrum is the sum of, each with a low-rank covariance learned from data."""

import dataclasses
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxz.models.basis import fingerprint
from jaxz.models.steps import TAPER, averaged, shifted
from jaxz.spectra import LogGrid

_ON_LATTICE = 1e-3
"""Pixels by which a reference redshift may miss the lattice."""


class _Frozen(dict):
    """A dictionary that is not changed, so that it can be a static part of a pytree."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))


class Whitening(eqx.Module):
    """A curve ln variance = Σ_i coeff_i x^i, x being log10 λ mapped from `low` … `high` to -1 … 1 [L, eq. 7].

    Dividing a flux by the square root of the variance leaves noise of like size at all wavelengths. Outside its domain
    the curve is constant: a polynomial means nothing there.

    Args:
        coeff: (power,) coefficients, lowest power first.
        low, high: log10 λ (Å) at the ends of the domain.

    Raises:
        ValueError: if the coefficients are not finite or the domain is empty.

    Example:
        >>> loglam = np.linspace(3.6, 3.9, 100)
        >>> curve = jaxz.Whitening.fit(loglam, np.full(100, 4.0), degree=1)
        >>> curve.log_variance(loglam[:2]).round(3)
        array([1.386, 1.386])
    """

    coeff: np.ndarray | jax.Array
    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)

    def __check_init__(self) -> None:
        known = not isinstance(self.coeff, Tracer)
        if self.coeff.ndim != 1 or not len(self.coeff) or (known and not np.all(np.isfinite(self.coeff))):
            raise ValueError(f"whitening coefficients have shape {self.coeff.shape}: give one or more finite numbers")
        if not self.low < self.high:
            raise ValueError(f"whitening from log10 λ = {self.low} to {self.high}: the domain is empty")

    @classmethod
    def fit(cls, loglam: np.ndarray, variance: np.ndarray, *, degree: int = 4) -> "Whitening":
        """Return the polynomial nearest to ln variance where that is finite; the domain is that of these pixels.

        Args:
            loglam: (pix,) log10 λ.
            variance: (pix,); what is not positive is left out.
            degree: of the polynomial.
        """
        good = np.isfinite(variance) & (variance > 0)
        low, high = float(loglam[good].min()), float(loglam[good].max())
        found = np.polynomial.Polynomial.fit(loglam[good], np.log(variance[good]), degree, domain=[low, high])
        return cls(found.coef, low, high)

    def log_variance(self, loglam: np.ndarray) -> np.ndarray | jax.Array:
        """Return ln variance at log10 λ, float64; a JAX array if the coefficients are one."""
        x = (2 * np.clip(loglam, self.low, self.high) - (self.low + self.high)) / (self.high - self.low)
        total = np.zeros_like(x)
        for power in range(len(self.coeff) - 1, -1, -1):
            total = total * x + self.coeff[power]
        return total


class GaussianComponent(eqx.Module):
    """A part of a spectrum drawn from N(0, VᵀV), with V (comp, rest) on the lattice; zero outside its grid [L, eq. 1].

    With a whitening curve the vectors are those of whitened spectra, f / √variance(λ) [L, eq. 8]: at an *observed*
    wavelength λ they stand for √variance(λ) V. So a shiftable component has the same shape at all redshifts in whitened
    flux, as it was learned there.

    Args:
        vectors: (comp, rest) eigenvectors times the square roots of their eigenvalues, float32 or float64.
        grid: the lattice window that they cover; of a shiftable component, where it is seen at `reference_z`.
        reference_z: redshift at which the vectors are given, a lattice redshift (see `lattice_z`); 0 if they are given
            in the rest frame; None for a component that is fixed in the observed frame.
        whitening: None if the vectors are in units of flux.
        mask: (rest,) True where this component, and no other, has all of the flux, so that the pixel does not count
            [L, §III.1.1]; of a fixed component only.
        calibration: s = median √|Δχ²| / (S/N) of injections [L, eq. 19]. It is kept here for those who correct a
            catalog with it (zerr ← s zerr, |Δχ²| ← |Δχ²|/s²); no function of the scan applies it.
        velocity: km/s by which lines of other shapes than these vectors have are found beside their peak, 1 σ, however
            bright they are. It is kept for the same correction, which adds it to zerr in quadrature.
        name: for the catalog's SUBTYPE.
        version: of the component, not of jaxz.
        spectype: for the catalog's SPECTYPE.
        provenance: where it comes from, in words.

    Raises:
        ValueError: if the shapes disagree, a vector is empty or not finite, or an argument does not make sense.

    Example:
        >>> grid = jaxz.LogGrid.covering(1205.0, 1225.0)
        >>> line = np.exp(-0.5 * ((grid.wave - 1215.67) / 0.3) ** 2)
        >>> lya = jaxz.GaussianComponent(line[None], grid, reference_z=0.0, name="line")
        >>> seen = lya.at(3.0)
        >>> round(float(seen.grid.wave[np.argmax(seen.vectors[0])]), 1)
        4863.0
    """

    vectors: np.ndarray | jax.Array
    grid: LogGrid = eqx.field(static=True)
    reference_z: float | None = eqx.field(static=True, default=None)
    whitening: Whitening | None = None
    mask: np.ndarray | jax.Array | None = None
    calibration: float = eqx.field(static=True, default=1.0)
    velocity: float = eqx.field(static=True, default=0.0)
    name: str = eqx.field(static=True, default="")
    version: str = eqx.field(static=True, default="0")
    spectype: str = eqx.field(static=True, default="")
    provenance: Mapping[str, str] = eqx.field(static=True, default_factory=dict, converter=_Frozen)

    def __check_init__(self) -> None:
        who = f"component {self.name!r}"
        if self.vectors.ndim != 2 or not len(self.vectors) or self.vectors.shape[1] != self.grid.size:
            raise ValueError(f"{who}: vectors have shape {self.vectors.shape}; the grid needs (comp, {self.grid.size})")
        known = not isinstance(self.vectors, Tracer)
        if known and not (np.all(np.isfinite(self.vectors)) and np.all(np.any(self.vectors != 0, axis=1))):
            raise ValueError(f"{who} has an empty or a non-finite vector: remove it")
        if not (np.isfinite(self.calibration) and self.calibration > 0):
            raise ValueError(f"{who}: calibration={self.calibration}: give a positive number, 1 for none")
        if not 0 <= self.velocity < np.inf:
            raise ValueError(f"{who}: velocity={self.velocity}: give 0 or a positive number, km/s")
        if self.mask is not None and (self.mask.shape != (self.grid.size,) or self.mask.dtype != bool):
            raise ValueError(f"{who}: the mask has shape {self.mask.shape}; the grid needs ({self.grid.size},) bool")
        if self.reference_z is None:
            return
        if self.mask is not None:
            raise ValueError(f"{who}: a mask would move with the redshift: put it on a component without reference_z")
        nearest = lattice_z(self.reference_z, self.grid.step)
        if abs(np.log10((1 + self.reference_z) / (1 + nearest))) > _ON_LATTICE * self.grid.step:
            raise ValueError(f"{who}: reference_z={self.reference_z} is no lattice redshift: the nearest is {nearest}")

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def rest_start(self) -> int:
        """First lattice pixel in the rest frame; of a fixed component, in the observed frame."""
        if self.reference_z is None:
            return self.grid.start
        return self.grid.start - round(np.log10(1 + self.reference_z) / self.grid.step)

    @property
    def centre(self) -> float:
        """Mean lattice position of the power Σ V² in the rest frame: where the line is, of a component with one."""
        power = np.sum(np.square(self.vectors, dtype=np.float64), axis=0)
        return self.rest_start + float(np.average(np.arange(self.grid.size), weights=power))

    @property
    def sha256(self) -> str:
        """Fingerprint of all that enters a scan, for catalog headers."""
        curve = [] if self.whitening is None else [*self.whitening.coeff, self.whitening.low, self.whitening.high]
        mask = [] if self.mask is None else self.mask
        return fingerprint(
            self.grid, np.asarray(self.vectors), np.array([self.rest_start, *curve]), np.asarray(mask, dtype=float)
        )

    def at(self, z: float) -> "GaussianComponent":
        """Return the component as it is seen at redshift `z`, fixed in the observed frame.

        The vectors are shifted by band-limited interpolation (`jaxz.models.steps.shifted`, which says how edges are
        handled); at a lattice redshift they stay what they are, with tails of 16 pixels. A component that is fixed
        already is returned as it is.

        Raises:
            ValueError: if `z` is not above -1.
        """
        if self.reference_z is None:
            return self
        if not -1 < z < np.inf:
            raise ValueError(f"component {self.name!r} at z={z}: give a redshift above -1")
        position = np.log10(1 + z) / self.grid.step
        whole = round(position)
        margin = 2 * TAPER
        vectors = shifted(np.asarray(self.vectors), np.array([position - whole]), margin=margin)[:, 0]
        grid = LogGrid(self.rest_start + whole - margin, vectors.shape[1], self.grid.step)
        return dataclasses.replace(self, vectors=vectors, grid=grid, reference_z=None)

    def scaled(self, amplitude: float) -> "GaussianComponent":
        """Return the component with its vectors multiplied: what is fainter, or brighter, but of the same shapes.

        Raises:
            ValueError: if `amplitude` is not a positive number.
        """
        if not 0 < amplitude < np.inf:
            raise ValueError(f"component {self.name!r} times {amplitude}: give a positive number")
        return dataclasses.replace(self, vectors=self.vectors * self.vectors.dtype.type(amplitude))

    def with_step(self, step: float) -> "GaussianComponent":
        """Return the component on a lattice of another step, each new pixel holding the mean over its width.

        A pixel that a masked one falls into is masked. A shiftable component is then given in its rest frame. Narrow
        features are blurred by a coarser step: where it matters, build the component anew.
        """
        if step == self.grid.step:
            return self
        rest = LogGrid(self.rest_start, self.grid.size, self.grid.step)
        vectors, grid = averaged(np.asarray(self.vectors), rest, step)
        mask = None if self.mask is None else averaged(np.asarray(self.mask)[None], rest, step)[0][0] > 0
        reference = None if self.reference_z is None else 0.0
        return dataclasses.replace(self, vectors=vectors, grid=grid, mask=mask, reference_z=reference)

    def in_flux(self, grid: LogGrid) -> np.ndarray:
        """Return √variance(λ) V of a fixed component on a lattice window, (comp, grid.size) float64, zero outside.

        Raises:
            ValueError: if the component is shiftable, or on another step.
        """
        if self.reference_z is not None:
            raise ValueError(f"component {self.name!r} has no place in the observed frame: use component.at(z)")
        check_step(self, grid.step)
        return placed(np.asarray(self.flux_vectors()), self.grid, grid)

    def flux_vectors(self) -> np.ndarray | jax.Array:
        """Return √variance(λ) V of a fixed component on its own grid, float64; a JAX array if the vectors are one."""
        if self.whitening is None:
            return self.vectors * 1.0
        log_variance = self.whitening.log_variance(self.grid.loglam)
        xp = jnp if any(isinstance(values, jax.Array) for values in (self.vectors, log_variance)) else np
        return xp.asarray(self.vectors, dtype=log_variance.dtype) * xp.exp(log_variance / 2)[None]


def lattice_z(z: float, step: float) -> float:
    """Return the redshift nearest to `z` that is a whole number of lattice pixels."""
    return 10.0 ** (round(np.log10(1 + z) / step) * step) - 1


def check_step(component: GaussianComponent, step: float) -> None:
    """Refuse a component on another lattice step.

    Raises:
        ValueError: saying how to resample it.
    """
    if component.grid.step != step:
        raise ValueError(
            f"component {component.name!r} has a lattice step of {component.grid.step:g} dex, the others {step:g}: "
            f"build it on that lattice, or resample it with component.with_step({step:g})"
        )


def placed(values: np.ndarray, grid: LogGrid, window: LogGrid) -> np.ndarray:
    """Return values (…, grid.size) on another window of the same lattice, zero where they are not known."""
    result = np.zeros((*values.shape[:-1], window.size), dtype=values.dtype)
    first, end = max(grid.start, window.start), min(grid.start + grid.size, window.start + window.size)
    if first < end:
        result[..., first - window.start : end - window.start] = values[..., first - grid.start : end - grid.start]
    return result
