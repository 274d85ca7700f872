"""Rest-frame vectors that slide: with non-negative coefficients [M], or with free ones, as Redrock's PCA templates."""

import abc
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxz._typing import Array, Float, Int
from jaxz.arguments import check_types
from jaxz.kernels import resample, sliding, woodbury
from jaxz.kernels.nnls import Solver
from jaxz.models.basis import Basis
from jaxz.models.columns import Fixed, Kind, Nuisance, check_nuisance, parts_of
from jaxz.models.components import GaussianComponent
from jaxz.models.error import ErrorModel
from jaxz.models.model import AbstractModel, Engine, Precision, digest, nuisance_cards
from jaxz.models.native import Native, Prepared
from jaxz.models.template_tasks import Resampling, TemplateCurves, TemplateFits, Weighting, solved_chi2
from jaxz.models.trials import Trials
from jaxz.pixels import Pixels
from jaxz.spectra import Spectra


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
        vectors = (np.asarray(leaf) for leaf in jax.tree.leaves((self.basis, self.nuisance, self.error)))
        return digest(jax.tree.structure(self), *vectors)

    def cards(self) -> dict[str, str | float | int]:
        """Return what the header of a catalog says of the model."""
        basis = self.basis
        cards = {"BASIS": basis.name, "BASISVER": basis.version, "BASISSHA": basis.sha256}
        return cards | nuisance_cards(self.nuisance) | ({} if self.error is None else self.error.cards())

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
            vectors = jnp.asarray(unit_rms(np.asarray(self.basis.vectors)), dtype=jnp.float64)
            return TemplateCurves(
                self._part(vectors, size, nfft, precision, engine),
                jnp.sqrt(jnp.sum(vectors**4, axis=1)),
                Fixed.of(self.nuisance, own),
                self.error,
                positive=self.positive,
                trials=trials,
                grid=self.basis.grid,
                size=size,
                weighting=self.weighting,
                resampling=self.resampling,
                solver=self.solver,
                precision=precision,
            )

    def _part(
        self, vectors: Float[Array, "basis rest"], size: int, nfft: int, precision: Precision, engine: Engine | None
    ) -> sliding.Transforms | Array:
        """Return what slides in the form that the engine takes."""
        if precision == "float32":
            vectors = vectors.astype(jnp.float32)
        if engine == "direct":
            return vectors
        if precision == "float32":
            return _transform_blocks(vectors, size // sliding.BLOCKS)
        return _transform(vectors, nfft)

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
        """Return the best fit of one spectrum at one redshift: basis, nuisance parts, error model; no noise."""
        native, prepared, shift = self._at(pixels, z)
        moments = native.moments(prepared, shift, blocks=False)
        coeff = solved_chi2(moments, len(self), positive=self.positive)[1].coeff[:, 0]
        slid, eliminated, _ = native.fitted(prepared, shift, coeff)
        columns = (prepared.factor.vectors, prepared.positive)
        parts = [slid, *parts_of(self.nuisance, *columns, eliminated, coeff[len(self) :])]
        if self.error is not None:
            own = slice(len(eliminated) - self.error.order, None)
            parts.append(jnp.matmul(eliminated[own], prepared.factor.vectors[own], precision=woodbury.HIGHEST))
        return jnp.stack(parts)

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
        error: how far real spectra are from their noise and from the basis; nothing if None, as the papers have it.
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
    error: ErrorModel | None
    weighting: Weighting = eqx.field(static=True)
    resampling: Resampling = eqx.field(static=True)
    solver: Solver = eqx.field(static=True)

    def __init__(
        self, basis: Basis, nuisance: Sequence[Nuisance] = (), *, error: ErrorModel | None = None,
        weighting: Weighting = "ivar", resampling: Resampling = "overlap", solver: Solver = "pivoting",
    ) -> None:  # fmt: skip
        self.basis, self.nuisance, self.error = basis, tuple(nuisance), error
        self.weighting, self.resampling, self.solver = weighting, resampling, solver

    def __check_init__(self) -> None:
        if isinstance(self.basis, str):
            check_types("NonNegative(basis)", basis=(self.basis, Basis))
        if getattr(self.basis, "method", "NMF") != "NMF":
            raise ValueError(f"basis {self.name!r} is one of PCA, with values of either sign: use jaxz.Free(basis)")
        check_option("weighting", self.weighting, ("ivar", "uniform"))
        check_option("resampling", self.resampling, ("overlap", "linear"))
        check_option("solver", self.solver, ("pivoting", "gradient"))
        check_nuisance(self.nuisance, self.step)
        if self.weighting == "uniform" and (self.nuisance or self.error is not None):
            raise ValueError(
                "weighting='uniform' knows no noise, and nuisance parts and error models need it: use weighting='ivar'"
            )

    @property
    def positive(self) -> bool:
        """Coefficients are not negative."""
        return True


class Free(AbstractTemplates):
    """A basis whose coefficients are free, as Redrock's PCA templates, and what may lie beside it.

    Args:
        basis: the vectors, of any sign.
        nuisance: columns that are fixed in the observed frame, on the lattice step of the basis.
        error: as of `NonNegative`.

    Raises:
        ValueError: if a nuisance component is shiftable, or on another lattice step.

    Example:
        >>> grid = jaxz.LogGrid.covering(3000.0, 7000.0)
        >>> vectors = np.stack([np.ones(grid.size), np.linspace(-1, 1, grid.size)])
        >>> jaxz.Free(jaxz.Basis(vectors, grid, method="PCA")).fitmethod
        'PCA'
    """

    basis: Basis
    nuisance: tuple[Nuisance, ...]
    error: ErrorModel | None
    weighting: Weighting = eqx.field(static=True, init=False, default="ivar")
    resampling: Resampling = eqx.field(static=True, init=False, default="overlap")
    solver: Solver = eqx.field(static=True, init=False, default="pivoting")

    def __init__(self, basis: Basis, nuisance: Sequence[Nuisance] = (), *, error: ErrorModel | None = None) -> None:
        self.basis, self.nuisance, self.error = basis, tuple(nuisance), error

    def __check_init__(self) -> None:
        check_nuisance(self.nuisance, self.step)

    @property
    def positive(self) -> bool:
        """Coefficients have any sign."""
        return False


def unit_rms(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (basis, rest) of root mean square 1, as those that a scan's coefficients are of."""
    peak = np.max(np.abs(vectors), axis=1, keepdims=True).astype(np.float64)
    return vectors / (peak * np.sqrt(np.mean(np.square(vectors / peak), axis=1, keepdims=True)))


def check_option(name: str, value: str | None, known: Sequence[str]) -> None:
    """Refuse an option that is not known.

    Raises:
        ValueError: listing those that are.
    """
    if value not in known:
        raise ValueError(f"{name}={value!r}: use one of {', '.join(known)}")


_transform = jax.jit(sliding.transform, static_argnums=1)
_transform_blocks = jax.jit(sliding.transform_blocks, static_argnums=1)


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
    return Native(integral, Fixed.of(model.nuisance, own), model.error, model.basis.grid)
