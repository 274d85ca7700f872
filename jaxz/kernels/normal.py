"""Weighted normal equations of a basis at many shifts.

For lattice flux f, inverse variance v and basis B, and a shift of k lattice pixels,

    A_k = Σ_p v_p B_a(p - k) B_b(p - k),   b_k = Σ_p v_p f_p B_a(p - k),   c = Σ_p v_p f_p²,

so that χ²_k(w) = wᵀA_k w - 2 wᵀb_k + c. Each entry is a correlation over k: all shifts together cost one FFT of v and
of v·f and K(K+1)/2 + K inverse FFTs, against transforms of the basis and of its pairwise products that are stored once.
`direct` is the same sum written out at chosen shifts.

Work in float64: where the bright lines of a vector are out of the window, its A_aa is many orders of magnitude below
its largest value, and the round-off of an FFT is relative to the largest.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Complex, Float, Int

HIGHEST = jax.lax.Precision.HIGHEST

FAINT = 1e-7
"""Share of its power that a vector must keep in the window to be fitted; see `_without_vanishing`."""


class NormalEquations(NamedTuple):
    """A and b at every shift; A packed as the distinct products of two vectors, in the order of `pairs`.

    A vector of which almost nothing is in the window has A_aa = 0 (see `_without_vanishing`).
    """

    gram: Float[Array, "pair shift"]
    rhs: Float[Array, "basis shift"]

    def unpack(self) -> Float[Array, "basis basis shift"]:
        """Return A as full symmetric matrices."""
        nbasis = len(self.rhs)
        first, second = pairs(nbasis)
        index = np.empty((nbasis, nbasis), dtype=int)
        index[first, second] = index[second, first] = np.arange(len(first))
        return self.gram[index]


class BasisTransforms(NamedTuple):
    """What a basis contributes to the correlations, computed once.

    Attributes:
        vectors, products: conjugate real FFTs of the vectors and of their pairwise products.
        power: √Σ B_a⁴ of each vector, which sets the round-off of its A_aa.
    """

    vectors: Complex[Array, "basis freq"]
    products: Complex[Array, "pair freq"]
    power: Float[Array, " basis"]


def pairs(nbasis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices a ≤ b of the K(K+1)/2 products of two of `nbasis` vectors, the squares first."""
    square = np.arange(nbasis)
    first, second = np.triu_indices(nbasis, 1)
    return np.concatenate([square, first]), np.concatenate([square, second])


def fft_length(nrest: int, nobs: int, offset_min: int, offset_max: int) -> int:
    """Return a fast FFT length at which no wrap-around enters a wanted shift.

    Args:
        nrest: lattice pixels of the basis.
        nobs: lattice pixels of the spectrum.
        offset_min, offset_max: least and greatest index of basis pixel that meets spectrum pixel 0.
    """
    need = max(nrest, offset_max + nobs) - min(offset_min, 0)
    return _next_fast_length(need)


def _next_fast_length(need: int) -> int:
    """Return the least 2^a 3^b 5^c, a ≥ 8, that is not below `need`; fewer factors of 2 cost more than they spare."""
    best = max(256, 1 << (need - 1).bit_length())
    five = 256
    while five < best:
        three = five
        while three < best:
            power = three
            while power < need:
                power *= 2
            best = min(best, power)
            three *= 3
        five *= 5
    return best


def transform_basis(vectors: Float[Array, "basis rest"], nfft: int) -> BasisTransforms:
    """Return the stored transforms of a basis for FFTs of `nfft` points."""
    first, second = pairs(len(vectors))
    power = jnp.sqrt(jnp.sum(jnp.square(jnp.square(vectors)), axis=1))
    return BasisTransforms(
        jnp.conj(jnp.fft.rfft(vectors, n=nfft, axis=-1)),
        jnp.conj(jnp.fft.rfft(vectors[first] * vectors[second], n=nfft, axis=-1)),
        power,
    )


def by_fft(
    transforms: BasisTransforms,
    flux: Float[Array, " obs"],
    ivar: Float[Array, " obs"],
    offset: Int[Array, ""],
    *,
    nshift: int,
    nfft: int,
) -> NormalEquations:
    """Return the normal equations of one spectrum at shifts 0 … nshift - 1, all at once.

    Args:
        transforms: of the basis, for the same `nfft`.
        flux, ivar: of the spectrum on the lattice; outside, ivar is 0.
        offset: index of the basis pixel that meets spectrum pixel 0 at shift 0 (it is offset - k at shift k).
        nshift: number of shifts.
        nfft: from `fft_length` or longer.
    """

    def correlate(values: Float[Array, " obs"], stored: Complex[Array, "row freq"]) -> Float[Array, "row shift"]:
        placed = jnp.roll(jnp.pad(values, (0, nfft - len(values))), offset)
        return jnp.fft.irfft(jnp.fft.rfft(placed)[None] * stored, n=nfft, axis=-1)[:, :nshift]

    equations = NormalEquations(correlate(ivar, transforms.products), correlate(ivar * flux, transforms.vectors))
    return _without_vanishing(equations, ivar, transforms.power)


def direct(
    vectors: Float[Array, "basis rest"],
    flux: Float[Array, " obs"],
    ivar: Float[Array, " obs"],
    first: Int[Array, " shift"],
) -> NormalEquations:
    """Return the normal equations of one spectrum at chosen shifts, by the sums as they are written.

    Args:
        vectors: the basis; zero outside its grid.
        flux, ivar: of the spectrum on the lattice.
        first: index of the basis pixel that meets spectrum pixel 0, for each wanted shift; may be out of range.
    """
    nbasis, nrest = vectors.shape
    nobs = len(flux)
    margin = jnp.pad(vectors, ((0, 0), (nobs, nobs)))
    row, column = pairs(nbasis)

    def at(start: Int[Array, ""]) -> tuple[Float[Array, " pair"], Float[Array, " basis"]]:
        begin = jnp.clip(start, -nobs, nrest) + nobs
        window = jax.lax.dynamic_slice(margin, (jnp.zeros_like(begin), begin), (nbasis, nobs))
        weighted = window * ivar[None]
        gram = jnp.matmul(weighted, window.T, precision=HIGHEST)
        return gram[row, column], jnp.matmul(weighted, flux, precision=HIGHEST)

    gram, rhs = jax.lax.map(at, first, batch_size=min(len(first), 16))
    power = jnp.sqrt(jnp.sum(jnp.square(jnp.square(vectors)), axis=1))
    return _without_vanishing(NormalEquations(gram.T, rhs.T), ivar, power)


def chi2(
    equations: NormalEquations, const: Float[Array, ""], coeff: Float[Array, "basis shift"]
) -> Float[Array, " shift"]:
    """Return c - 2 wᵀb + wᵀA w at each shift."""
    row, column = pairs(len(coeff))
    terms = [
        (1 if a == b else 2) * gram * coeff[a] * coeff[b]
        for gram, a, b in zip(equations.gram, row, column, strict=True)
    ]
    return const + sum(terms) - 2 * sum(rhs * w for rhs, w in zip(equations.rhs, coeff, strict=True))


def _without_vanishing(
    equations: NormalEquations, ivar: Float[Array, " obs"], power: Float[Array, " basis"]
) -> NormalEquations:
    """Remove a vector where almost nothing of it is in the window.

    A vector whose A_aa is below `FAINT` ‖v‖ ‖B_a²‖ could only matter with a coefficient that puts light thousands of
    times brighter outside the window, and its A_aa drowns in the round-off of the transforms, which is relative to
    ‖v‖ ‖B_a²‖. Its A_aa becomes exactly zero, which makes its coefficient zero.
    """
    nbasis = len(power)
    squares = equations.gram[:nbasis]
    floor = FAINT * power[:, None] * jnp.sqrt(jnp.sum(jnp.square(ivar)))
    squares = jnp.where(squares > floor, squares, 0)
    return equations._replace(gram=jnp.concatenate([squares, equations.gram[nbasis:]]))
