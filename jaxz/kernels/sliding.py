"""Vectors that slide along a spectrum: their normal equations at every shift at once.

One spectrum has inverse variances w, and columns that stay where they are and are eliminated: with C⁻¹ = diag(w) - PᵀP
and s = C⁻¹d (`woodbury.projected`, `woodbury.solve`), vectors T shifted by k pixels have

    G_k = Σ_p w_p T_a(p-k) T_b(p-k) - Σ_r Y_ra Y_rb,   Y_ra = Σ_p P_r(p) T_a(p-k),   g_k = Σ_p s_p T_a(p-k).

All are correlations over k: of T with the rows of P and with s, and of its products of two vectors with w. There are
three ways to compute them. `by_fft` takes the same time for any length. The round-off of a transform is relative to the
largest values of all that it takes, and where the bright lines of a vector are out of the window its G_aa is many
orders of magnitude below its largest value: so transforms of whole rows want float64, and float32 wants those of
blocks, in which only what meets is summed. `by_products` multiplies blocks of the rows with a matrix of the shifted T,
which all spectra share: best for a short T, and its round-off is that of the pixels under T alone, so that float32
does. `direct` is the sums as they are written, one shift after the other.
"""

import functools
import operator
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxz._typing import Array, Complex, Float, Int
from jaxz.kernels.normal import NormalEquations
from jaxz.kernels.packed import pairs

HIGHEST = jax.lax.Precision.HIGHEST

BLOCKS = 5
"""Blocks that a spectrum is best cut into: more are more exact, and take more time."""


class Conditioned(NamedTuple):
    """One spectrum given the columns that are eliminated.

    Attributes:
        ivar: w.
        projected: P, one row for each column; there may be none.
        rows: what g is wanted of: s first, then s of further columns, if any.
    """

    ivar: Float[Array, " pix"]
    projected: Float[Array, "comp pix"]
    rows: Float[Array, "row pix"]


class Slid(NamedTuple):
    """What a spectrum gives at every shift.

    Attributes:
        gram: G, packed as in `jaxz.kernels.packed`.
        rows: Σ_p row_p T_a(p-k) for each of `Conditioned.rows`.
        projected: Y.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import sliding
        >>> spectrum = sliding.Conditioned(jnp.ones(20), jnp.zeros((0, 20)), jnp.ones((1, 20)))
        >>> found = sliding.direct(jnp.array([[1.0, 2.0, 1.0]]), spectrum, -jnp.arange(18))
        >>> found.equations.gram.shape, found.equations.rhs.shape
        ((1, 18), (1, 18))
    """

    gram: Float[Array, "pair shift"]
    rows: Float[Array, "row basis shift"]
    projected: Float[Array, "comp basis shift"]

    @property
    def equations(self) -> NormalEquations:
        """G and g of the spectrum itself."""
        return NormalEquations(self.gram, self.rows[0])


class Transforms(NamedTuple):
    """What vectors contribute to transforms, computed once: of the vectors, and of their products of two.

    Two real rows x, y share one complex transform: with conj FFT(x - i y) kept, the inverse transform of its product
    with the FFT of a spectrum has the correlation with x as its real part, and that with y as its imaginary part.

    Either of whole rows, or of blocks: of pixels (j-1) L to (j+1) L of a row, for j = 0, 1, … until its end.
    """

    vectors: Complex[Array, "half_basis *block freq"]
    products: Complex[Array, "half_pair *block freq"]


class Places(NamedTuple):
    """Vectors at several places in a window, one row for each vector or product of two and each place."""

    vectors: Float[Array, "basis lane pix"]
    products: Float[Array, "pair lane pix"]


def fft_length(nrest: int, nobs: int, offset_min: int, offset_max: int) -> int:
    """Return the least FFT length at which no wrap-around enters a wanted shift, of those that are used.

    These are 2^a times 1, 5/4 or 27/16: few, because each is compiled for, and fast.

    Args:
        nrest: lattice pixels of the vectors.
        nobs: lattice pixels of the spectrum.
        offset_min, offset_max: least and greatest index of vector pixel that meets spectrum pixel 0.

    Example:
        >>> jaxz.kernels.sliding.fft_length(nrest=300, nobs=1000, offset_min=-1000, offset_max=300)
        1728
    """
    need = max(nrest - min(offset_min, 0), nrest, offset_max + nobs, nobs, offset_max - offset_min + 1, 256)
    top = 1 << (need - 1).bit_length()
    return min(length for length in (top, top * 5 // 8, top * 27 // 32) if length >= need)


def transform(vectors: Float[Array, "basis rest"], nfft: int) -> Transforms:
    """Return the stored transforms of whole vectors, for FFTs of `nfft` points.

    Example:
        >>> import jax.numpy as jnp
        >>> jaxz.kernels.sliding.transform(jnp.ones((2, 5)), 32).vectors.shape
        (1, 32)
    """
    return _stored(vectors, lambda rows: jnp.pad(rows, ((0, 0), (0, nfft - rows.shape[1]))))


def transform_blocks(vectors: Float[Array, "basis rest"], size: int) -> Transforms:
    """Return the stored transforms of blocks of vectors, each of 2 `size` points.

    Example:
        >>> import jax.numpy as jnp
        >>> jaxz.kernels.sliding.transform_blocks(jnp.ones((2, 64)), 16).vectors.shape
        (1, 5, 32)
    """
    count = -(-vectors.shape[1] // size) + 1

    def blocks(rows: Float[Array, "row rest"]) -> Float[Array, "row block pix"]:
        wide = jnp.pad(rows, ((0, 0), (size, count * size - rows.shape[1])))
        halves = wide.reshape(len(rows), count + 1, size)
        return jnp.concatenate([halves[:, :-1], halves[:, 1:]], axis=-1)

    return _stored(vectors, blocks)


def _stored(vectors: Float[Array, "basis rest"], cut: Callable[[Array], Array]) -> Transforms:
    first, second = pairs(len(vectors))

    def stored(rows: Float[Array, "row rest"]) -> Complex[Array, "half *block freq"]:
        rows = cut(jnp.pad(rows, ((0, len(rows) % 2), (0, 0))))
        return jnp.conj(jnp.fft.fft(jax.lax.complex(rows[::2], -rows[1::2]), axis=-1))

    return Transforms(stored(vectors), stored(vectors[first] * vectors[second]))


def by_fft(
    part: Transforms, spectrum: Conditioned, offset: Int[Array, ""], *, nbasis: int, nshift: int, explain: bool = True
) -> Slid:
    """Return G and g at shifts 0 … nshift - 1, all at once.

    Args:
        part: from `transform`, for FFTs of `fft_length` points or more, or from `transform_blocks`, in the precision
            of the spectrum.
        spectrum: on the lattice; outside it is 0.
        offset: index of the vector pixel that meets spectrum pixel 0 at shift 0 (it is offset - k at shift k).
        nbasis: number of vectors.
        nshift: number of shifts.
        explain: whether Σ_r Y_ra Y_rb is subtracted; else that is left to `explained`, which is faster block by block.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import sliding
        >>> flux = jnp.zeros(20).at[8:11].set(jnp.array([1.0, 2.0, 1.0]))
        >>> spectrum = sliding.Conditioned(jnp.ones(20), jnp.zeros((0, 20)), flux[None])
        >>> part = sliding.transform(jnp.array([[1.0, 2.0, 1.0]]), sliding.fft_length(3, 20, -17, 0))
        >>> found = sliding.by_fft(part, spectrum, jnp.array(0), nbasis=1, nshift=18)
        >>> int(jnp.argmax(found.equations.rhs[0]))
        8
    """
    of_row = _whole if part.vectors.ndim == 2 else _in_blocks

    def correlated(row: Float[Array, " pix"], stored: Complex[Array, "half *block freq"], count: int) -> Array:
        along = of_row(row, offset, stored.shape[1:], nshift)

        def two(one: Complex[Array, "*block freq"]) -> Float[Array, "2 shift"]:
            both = along(one)
            return jnp.stack([both.real, both.imag])

        return jax.lax.map(two, stored).reshape(-1, nshift)[:count]

    def each(rows: Float[Array, "row pix"]) -> Float[Array, "row basis shift"]:
        if not len(rows):
            return jnp.zeros((0, nbasis, nshift), rows.dtype)
        return jax.lax.map(lambda row: correlated(row, part.vectors, nbasis), rows)

    gram = correlated(spectrum.ivar, part.products, nbasis * (nbasis + 1) // 2)
    rows, projected = each(spectrum.rows), each(spectrum.projected)
    return Slid(explained(gram, projected) if explain else gram, rows, projected)


Correlation = Callable[[Complex[Array, "*block freq"]], Complex[Array, " shift"]]


def _whole(row: Float[Array, " pix"], offset: Int[Array, ""], shape: tuple[int, ...], nshift: int) -> Correlation:
    """Return the function from the stored transform of two vectors to their correlations with a row."""
    transformed = jnp.fft.fft(jnp.roll(jnp.pad(row, (0, shape[0] - len(row))), offset))
    return lambda stored: jnp.fft.ifft(transformed * stored)[:nshift]


def _in_blocks(row: Float[Array, " pix"], offset: Int[Array, ""], shape: tuple[int, ...], nshift: int) -> Correlation:
    """Return the same of stored transforms of blocks.

    Block m of L shifts sums, over the blocks n of L pixels of the row, the correlation of block n with the 2 L vector
    pixels that it meets at these shifts. They are summed before the inverse transform, of which the second half holds
    the shifts wanted and the first half what went round.
    """
    count, size = shape[0], shape[1] // 2
    lead = jnp.mod(offset, size)
    nrow, nout = -(-(len(row) + size - 1) // size), -(-nshift // size)
    placed = jax.lax.dynamic_update_slice(jnp.zeros(nrow * size, row.dtype), row, (lead,))
    transformed = jnp.fft.fft(jnp.pad(placed.reshape(nrow, size), ((0, 0), (0, size))), axis=-1)
    # Backwards, what meets block n at successive m is a slice; block j of the vectors is where n - m + offset/L = j.
    margin = nrow + nout
    begin = jnp.clip(margin + count - 1 - (offset - lead) // size, nrow - 1, count + 2 * margin - nout)

    def along(stored: Complex[Array, "block freq"]) -> Complex[Array, " shift"]:
        wide = jnp.pad(stored[::-1], ((margin, margin), (0, 0)))
        met = [jax.lax.dynamic_slice_in_dim(wide, begin - n, nout) for n in range(nrow)]
        total = functools.reduce(operator.add, (t[None] * m for t, m in zip(transformed, met, strict=True)))
        return jnp.fft.ifft(total, axis=-1)[:, size:].reshape(-1)[:nshift]

    return along


def direct(
    vectors: Float[Array, "basis rest"], spectrum: Conditioned, first: Int[Array, " shift"], *, explain: bool = True
) -> Slid:
    """Return G and g at chosen shifts, by the sums as they are written.

    Args:
        vectors: T; zero outside.
        spectrum: on the lattice.
        first: index of the vector pixel that meets spectrum pixel 0, for each wanted shift; may be out of range.
        explain: as of `by_fft`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import sliding
        >>> flux = jnp.zeros(20).at[8:11].set(jnp.array([1.0, 2.0, 1.0]))
        >>> spectrum = sliding.Conditioned(jnp.ones(20), jnp.zeros((0, 20)), flux[None])
        >>> found = sliding.direct(jnp.array([[1.0, 2.0, 1.0]]), spectrum, -jnp.arange(18))
        >>> int(jnp.argmax(found.equations.rhs[0]))
        8
    """
    nbasis, nrest = vectors.shape
    nobs = len(spectrum.ivar)
    margin = jnp.pad(vectors, ((0, 0), (nobs, nobs)))
    row, column = pairs(nbasis)
    rows = jnp.concatenate([spectrum.rows, spectrum.projected])

    def at(start: Int[Array, ""]) -> tuple[Float[Array, " pair"], Float[Array, "row basis"]]:
        begin = jnp.clip(start, -nobs, nrest) + nobs
        window = jax.lax.dynamic_slice(margin, (jnp.zeros_like(begin), begin), (nbasis, nobs))
        gram = jnp.matmul(window * spectrum.ivar[None], window.T, precision=HIGHEST)
        return gram[row, column], jnp.matmul(rows, window.T, precision=HIGHEST)

    gram, found = jax.lax.map(at, first, batch_size=min(len(first), 16))
    found, count = jnp.moveaxis(found, 0, -1), len(spectrum.rows)
    projected = found[count:]
    return Slid(explained(gram.T, projected) if explain else gram.T, found[:count], projected)


def places(vectors: Float[Array, "basis rest"], count: int) -> Places:
    """Return vectors at `count` places, one pixel apart, in a window that holds them at the first and at the last.

    Example:
        >>> import jax.numpy as jnp
        >>> jaxz.kernels.sliding.places(jnp.array([[1.0, 2.0, 1.0]]), 2).vectors[0].tolist()
        [[1.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, 1.0]]
    """
    rest = vectors.shape[1]
    margin = jnp.pad(vectors, ((0, 0), (count - 1, count - 1)))
    index = jnp.arange(rest + count - 1)[None] - jnp.arange(count)[:, None] + (count - 1)
    return with_products(margin[:, index])


def with_products(vectors: Float[Array, "basis lane pix"]) -> Places:
    """Return vectors at any places, given what they are there.

    Example:
        >>> import jax.numpy as jnp
        >>> jaxz.kernels.sliding.with_products(jnp.array([[[1.0, 2.0, 1.0]]])).products.tolist()
        [[[1.0, 4.0, 1.0]]]
    """
    first, second = pairs(len(vectors))
    return Places(vectors, vectors[first] * vectors[second])


def at_places(part: Places, spectrum: Conditioned) -> Slid:
    """Return G and g at each place of `part`, for the pixels of its window.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import sliding
        >>> part = sliding.places(jnp.array([[1.0, 2.0, 1.0]]), 2)
        >>> spectrum = sliding.Conditioned(jnp.ones(4), jnp.zeros((0, 4)), jnp.array([[0.0, 1.0, 2.0, 1.0]]))
        >>> sliding.at_places(part, spectrum).equations.rhs.tolist()
        [[4.0, 6.0]]
    """
    nbasis, count, width = part.vectors.shape
    rows = jnp.concatenate([spectrum.rows, spectrum.projected])
    found = jnp.matmul(rows, part.vectors.reshape(-1, width).T, precision=HIGHEST).reshape(-1, nbasis, count)
    squares = jnp.matmul(part.products.reshape(-1, width), spectrum.ivar, precision=HIGHEST).reshape(-1, count)
    nrow = len(spectrum.rows)
    first, second = pairs(nbasis)
    explained = jnp.sum(found[nrow:, first] * found[nrow:, second], axis=0)
    return Slid(squares - explained, found[:nrow], found[nrow:])


def by_products(part: Places, spectrum: Conditioned, nshift: int) -> Slid:
    """Return G and g at shifts 0 … nshift - 1, block by block of as many shifts as `part` has places.

    Args:
        part: from `places`.
        spectrum: its pixel 0 meets pixel 0 of the vectors at shift 0; zero beyond its end.
        nshift: number of shifts.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import sliding
        >>> flux = jnp.zeros(20).at[8:11].set(jnp.array([1.0, 2.0, 1.0]))
        >>> spectrum = sliding.Conditioned(jnp.ones(20), jnp.zeros((0, 20)), flux[None])
        >>> found = sliding.by_products(sliding.places(jnp.array([[1.0, 2.0, 1.0]]), 4), spectrum, 18)
        >>> int(jnp.argmax(found.equations.rhs[0]))
        8
    """
    _, count, width = part.vectors.shape
    nblock = -(-nshift // count)
    beyond = max(nblock * count + width - count - len(spectrum.ivar), 0)
    padded = [jnp.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, beyond)]) for values in spectrum]

    def block(begin: Int[Array, ""]) -> Slid:
        window = [jax.lax.dynamic_slice_in_dim(values, begin, width, axis=-1) for values in padded]
        return at_places(part, Conditioned(*window))

    blocks = jax.lax.map(block, count * jnp.arange(nblock))
    return Slid(*(jnp.moveaxis(x, 0, -2).reshape(*x.shape[1:-1], nblock * count)[..., :nshift] for x in blocks))


def explained(squares: Float[Array, "pair shift"], projected: Float[Array, "comp basis shift"]) -> Array:
    """Return `squares` less Σ_r Y_ra Y_rb, row by row, so that no array of all rows' products is made.

    Example:
        >>> import jax.numpy as jnp
        >>> jaxz.kernels.sliding.explained(jnp.array([[5.0]]), jnp.array([[[2.0]]])).tolist()
        [[1.0]]
    """
    first, second = pairs(projected.shape[1])
    if not len(projected):
        return squares
    return jax.lax.scan(lambda total, y: (total - y[first] * y[second], None), squares, projected)[0]
