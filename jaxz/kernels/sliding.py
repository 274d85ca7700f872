"""What a short part, slid along a spectrum, adds to a covariance: G and g of `woodbury.delta_chi2` at every shift.

With C⁻¹ = diag(w) - PᵀP and s = C⁻¹d of one spectrum (`woodbury.projected`, `woodbury.solve`), a part T shifted by k
pixels has

    G_k = Σ_p w_p T_a(p-k) T_b(p-k) - Σ_r Y_ra Y_rb,   Y_ra = Σ_p P_r(p) T_a(p-k),   g_k = Σ_p s_p T_a(p-k).

All are correlations over k: of T with the rows of P and with s, and of its products of two vectors with w. There are
two ways. `by_products` multiplies blocks of P with a matrix of the shifted T, which all spectra share: best for a short
T, and its round-off is that of the pixels under T alone, so that float32 does. `by_fft` takes the same time for any
length; its round-off is relative to the largest values of a whole row, so that it wants float64.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxz._typing import Array, Complex, Float, Int
from jaxz.kernels.normal import NormalEquations, pairs

HIGHEST = jax.lax.Precision.HIGHEST


class Conditioned(NamedTuple):
    """One spectrum given the parts that are marginalised over.

    Attributes:
        projected: P, one row for each of their vectors.
        solved: C⁻¹d.
        ivar: w.
    """

    projected: Float[Array, "comp pix"]
    solved: Float[Array, " pix"]
    ivar: Float[Array, " pix"]


class Slid(NamedTuple):
    """A part at several places in a window, one row for each vector or product of two and each place.

    Attributes:
        vectors: T_a at each place.
        products: T_a T_b at each place, in the order of `pairs`.
    """

    vectors: Float[Array, "basis lane pix"]
    products: Float[Array, "pair lane pix"]


def slid(vectors: Float[Array, "basis rest"], places: int) -> Slid:
    """Return a part at `places` places, one pixel apart, in a window that holds it at the first and at the last."""
    rest = vectors.shape[1]
    margin = jnp.pad(vectors, ((0, 0), (places - 1, places - 1)))
    index = jnp.arange(rest + places - 1)[None] - jnp.arange(places)[:, None] + (places - 1)
    return with_products(margin[:, index])


def with_products(vectors: Float[Array, "basis lane pix"]) -> Slid:
    """Return a part at any places, given its vectors there."""
    first, second = pairs(len(vectors))
    return Slid(vectors, vectors[first] * vectors[second])


def at_places(part: Slid, spectrum: Conditioned) -> NormalEquations:
    """Return G and g at each place of `part`, for the pixels of its window."""
    nbasis, places, width = part.vectors.shape
    first, second = pairs(nbasis)
    rows = jnp.concatenate([spectrum.projected, spectrum.solved[None]])
    found = jnp.matmul(rows, part.vectors.reshape(-1, width).T, precision=HIGHEST).reshape(-1, nbasis, places)
    squares = jnp.matmul(part.products.reshape(-1, width), spectrum.ivar, precision=HIGHEST).reshape(-1, places)
    explained = jnp.sum(found[:-1, first] * found[:-1, second], axis=0)
    return NormalEquations(squares - explained, found[-1])


def by_products(part: Slid, spectrum: Conditioned, nshift: int) -> NormalEquations:
    """Return G and g at shifts 0 … nshift - 1, block by block of as many shifts as `part` has places.

    Args:
        part: from `slid`.
        spectrum: its pixel 0 meets pixel 0 of the part at shift 0; zero beyond its end.
        nshift: number of shifts.
    """
    _, places, width = part.vectors.shape
    nblock = -(-nshift // places)
    beyond = max(nblock * places + width - places - len(spectrum.ivar), 0)
    padded = [jnp.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, beyond)]) for values in spectrum]

    def block(begin: Int[Array, ""]) -> NormalEquations:
        window = [jax.lax.dynamic_slice_in_dim(values, begin, width, axis=-1) for values in padded]
        return at_places(part, Conditioned(*window))

    blocks = jax.lax.map(block, places * jnp.arange(nblock))
    return NormalEquations(*(jnp.moveaxis(x, 0, 1).reshape(x.shape[1], -1)[:, :nshift] for x in blocks))


class Transforms(NamedTuple):
    """Conjugate real FFTs of the vectors of a part and of their products."""

    vectors: Complex[Array, "basis freq"]
    products: Complex[Array, "pair freq"]


def transform(vectors: Float[Array, "basis rest"], nfft: int) -> Transforms:
    """Return the stored transforms of a part for FFTs of `nfft` points."""
    first, second = pairs(len(vectors))
    stored = (vectors, vectors[first] * vectors[second])
    return Transforms(*(jnp.conj(jnp.fft.rfft(values, n=nfft, axis=-1)) for values in stored))


def by_fft(part: Transforms, spectrum: Conditioned, *, nshift: int, nfft: int) -> NormalEquations:
    """Return G and g at shifts 0 … nshift - 1, as `by_products`.

    Args:
        part: from `transform`, for the same `nfft`.
        spectrum: as `by_products`.
        nshift: number of shifts.
        nfft: at least nshift - 1 + rest.
    """
    first, second = pairs(len(part.vectors))
    rows = jnp.fft.rfft(jnp.concatenate([spectrum.projected, spectrum.solved[None]]), n=nfft, axis=-1)
    found = jnp.fft.irfft(rows[:, None] * part.vectors[None], n=nfft, axis=-1)[..., :nshift]
    weight = jnp.fft.rfft(spectrum.ivar, n=nfft)[None]
    squares = jnp.fft.irfft(weight * part.products, n=nfft, axis=-1)[:, :nshift]
    explained = jnp.sum(found[:-1, first] * found[:-1, second], axis=0)
    return NormalEquations(squares - explained, found[-1])
