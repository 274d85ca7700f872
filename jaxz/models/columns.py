"""Columns that are fixed in the observed frame: what is fitted beside that which slides."""

import dataclasses
from collections.abc import Sequence
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxz._typing import Array, Float, Int
from jaxz.kernels import resample, woodbury
from jaxz.models.basis import fingerprint
from jaxz.models.components import GaussianComponent, check_step
from jaxz.pixels import Pixels
from jaxz.spectra import LogGrid

Kind = Literal["gaussian", "free", "non-negative"]


class Columns(eqx.Module):
    """Columns on the lattice, the same for all spectra, with coefficients of one kind; zero outside their grid.

    A `GaussianComponent` that is fixed in the observed frame is the usual set of Gaussian columns. This is for those
    that are free or non-negative, or have no more than their values.

    Args:
        vectors: (comp, obs) in the unit of flux.
        grid: the lattice window that they cover, vacuum.
        kind: of the coefficients: "gaussian" (of unit variance), "free" or "non-negative".
        name: of the part of a spectrum that they are.

    Raises:
        ValueError: if the shapes disagree or a value is not finite.

    Example:
        >>> grid = jaxz.LogGrid.covering(3000.0, 7000.0)
        >>> zero_level = jaxz.Columns(np.ones((1, grid.size)), grid, kind="free", name="zero level")
        >>> model = jaxz.NonNegative(jaxz.load_basis(), nuisance=[zero_level])
        >>> [part.name for part in model.nuisance]
        ['zero level']
    """

    vectors: np.ndarray | Array
    grid: LogGrid = eqx.field(static=True)
    kind: Kind = eqx.field(static=True, default="gaussian")
    name: str = eqx.field(static=True, default="")

    def __check_init__(self) -> None:
        if self.vectors.ndim != 2 or self.vectors.shape[1] != self.grid.size:
            raise ValueError(
                f"columns {self.name!r}: vectors have shape {self.vectors.shape}; the grid needs "
                f"(comp, {self.grid.size})"
            )
        if not isinstance(self.vectors, Tracer) and not np.all(np.isfinite(self.vectors)):
            raise ValueError(f"columns {self.name!r} have values that are not finite: set them to 0")

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def sha256(self) -> str:
        """Fingerprint of the vectors, their grid and kind, for catalog headers."""
        return fingerprint(self.grid, np.asarray(self.vectors), np.array([len(self.kind)]))


class OwnColumns(NamedTuple):
    """Columns of each spectrum's own, in its native pixels.

    Attributes:
        vectors: (spec, comp, pix) in the unit of flux; 0 where there is nothing.
        kind: of their coefficients.
    """

    vectors: np.ndarray
    kind: Kind = "non-negative"


Nuisance = GaussianComponent | Columns


class Fixed(eqx.Module):
    """All fixed columns of a model on one lattice window, as the functions of one spectrum take them.

    Attributes:
        eliminated: (comp, window) Gaussian and free columns, in the unit of flux.
        positive: (fixed, window) non-negative columns.
        keep: (window,) 0 where a component has all of the flux, so that the pixel does not count; else 1.
        start: first lattice pixel of the window.
        free: which of the eliminated columns have no prior.
        own: kind of the columns that each spectrum has of its own, or None.
    """

    eliminated: Float[Array, "comp window"]
    positive: Float[Array, "fixed window"]
    keep: Float[Array, " window"]
    start: int = eqx.field(static=True)
    free: tuple[bool, ...] = eqx.field(static=True)
    own: Kind | None = eqx.field(static=True, default=None)

    @classmethod
    def of(cls, nuisance: Sequence[Nuisance], own: Kind | None = None) -> "Fixed":
        """Return the columns of a model's nuisance parts."""
        starts = [part.grid.start for part in nuisance]
        ends = [part.grid.start + part.grid.size for part in nuisance]
        start, end = min(starts, default=0), max(ends, default=1)
        keep = np.ones(end - start)
        parts: dict[bool, list] = {True: [np.zeros((0, end - start))], False: [np.zeros((0, end - start))]}
        # JAX compiles each operation of its own: where nothing is traced there is no need to.
        xp = jnp if any(isinstance(part.vectors, jax.Array) for part in nuisance) else np
        free: list[bool] = []
        for part in nuisance:
            kind = part.kind if isinstance(part, Columns) else "gaussian"
            vectors = part.vectors if isinstance(part, Columns) else part.flux_vectors()
            place = part.grid.start - start
            padded = xp.pad(xp.asarray(vectors), ((0, 0), (place, end - start - place - part.grid.size)))
            parts[kind == "non-negative"].append(padded)
            if kind != "non-negative":
                free += [kind == "free"] * len(part)
            if isinstance(part, GaussianComponent) and part.mask is not None:
                masked = xp.pad(xp.asarray(part.mask), (place, end - start - place - part.grid.size))
                keep = xp.where(masked, 0.0, keep)
        dtype = jnp.result_type(float)
        join = [xp.concatenate([xp.asarray(x, dtype=dtype) for x in parts[kind]]) for kind in (False, True)]
        return cls(jnp.asarray(join[0]), jnp.asarray(join[1]), jnp.asarray(keep, dtype=dtype), start, tuple(free), own)

    def scaled(self, unit: Float[Array, ""]) -> "Fixed":
        """Return the columns in another unit of flux."""
        return dataclasses.replace(self, eliminated=self.eliminated * unit, positive=self.positive * unit)

    def on_lattice(self, begin: Int[Array, ""], size: int) -> tuple[Array, Array, Array]:
        """Return the columns of each sort, and what counts, on `size` lattice pixels from `begin` on."""
        window = self.keep.shape[0]
        place = jnp.clip(begin - self.start + size, 0, window + size)

        def cut(values: Float[Array, "*row window"], fill: float) -> Float[Array, "*row obs"]:
            margin = [(0, 0)] * (values.ndim - 1) + [(size, size)]
            return jax.lax.dynamic_slice_in_dim(jnp.pad(values, margin, constant_values=fill), place, size, axis=-1)

        return cut(self.eliminated, 0.0), cut(self.positive, 0.0), cut(self.keep, 1.0)

    def in_pixels(self, pixels: Pixels) -> tuple[Array, Array, Array]:
        """Return the columns of each sort, and what counts, as means over native pixels."""
        place = pixels.edges + (pixels.start - self.start).astype(pixels.edges.dtype)

        def mean(values: Float[Array, "row window"]) -> Float[Array, "row pix"]:
            if not len(values):
                return jnp.zeros((0, pixels.flux.shape[-1]), pixels.flux.dtype)
            return resample.at_pixels(resample.cumulative(values), place, 0)

        # A native pixel counts where its middle does.
        middle = jnp.floor((place[1:] + place[:-1]) / 2 + 0.5).astype(jnp.int32)
        inside = (middle >= 0) & (middle < self.keep.shape[0])
        keep = jnp.where(inside, self.keep[jnp.clip(middle, 0, self.keep.shape[0] - 1)], 1)
        return mean(self.eliminated), mean(self.positive), keep

    def joined(
        self, eliminated: Array, positive: Array, own: Array | None, ivar: Array, distortion: Array | None = None
    ) -> tuple[woodbury.Factor, Array]:
        """Return the factor of one spectrum's eliminated columns, and its non-negative ones.

        Args:
            eliminated, positive: from `on_lattice` or `in_pixels`.
            own: (comp, pix) the spectrum's own columns in the same pixels, or None.
            ivar: of these pixels.
            distortion: (comp, pix) Gaussian columns of an error model, or None.
        """
        parts, free = [eliminated], list(self.free)
        if distortion is not None:
            parts.append(distortion)
            free += [False] * len(distortion)
        if own is not None and self.own == "non-negative":
            positive = jnp.concatenate([positive, own])
        elif own is not None:
            parts.append(own)
            free += [self.own == "free"] * len(own)
        return woodbury.factorise(parts, ivar, free), positive


def parts_of(
    nuisance: Sequence[Nuisance], eliminated: Array, positive: Array, of_eliminated: Array, of_positive: Array
) -> list[Float[Array, " pix"]]:
    """Return the flux of each nuisance part, given all columns, row by row, and their coefficients."""
    result, at = [], {False: 0, True: 0}
    for part in nuisance:
        sort = isinstance(part, Columns) and part.kind == "non-negative"
        rows, coeff = (positive, of_positive) if sort else (eliminated, of_eliminated)
        own = slice(at[sort], at[sort] + len(part))
        result.append(jnp.matmul(coeff[own], rows[own], precision=woodbury.HIGHEST))
        at[sort] += len(part)
    return result


def check_nuisance(nuisance: Sequence[Nuisance], step: float) -> None:
    """Refuse nuisance parts that slide, or that are on another lattice step.

    Raises:
        ValueError: saying what to do.
    """
    for part in nuisance:
        if isinstance(part, GaussianComponent) and part.reference_z is not None:
            raise ValueError(f"nuisance component {part.name!r} is shiftable: say where it is, with component.at(z)")
        if isinstance(part, GaussianComponent):
            check_step(part, step)
        elif part.grid.step != step:
            raise ValueError(
                f"columns {part.name!r} have a lattice step of {part.grid.step:g} dex, the model {step:g}: "
                "build them on that lattice"
            )
