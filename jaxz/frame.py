"""Spectra and the components of a MADGICS model in one frame: a lattice window in whitened flux.

The window holds all that a component can reach: the nuisance components and the target at every trial redshift, with a
margin for the refinement. It depends on the model and the range of redshifts alone, so that a spectrum's numbers do not
depend on its company. Pixels beyond it have nothing but noise, and add ivar flux² to χ².

Flux is divided, and inverse variance multiplied, as [L, eq. 8-9] by the whitening curve of the *target*, in whose frame
a shift is a shift. A nuisance component with another curve, or with none, is brought into that frame: a fixed one may
be scaled at will.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float
from jaxz.chunks import Chunk
from jaxz.kernels import resample, woodbury
from jaxz.models.components import Madgics, placed
from jaxz.spectra import LogGrid, Spectra

MARGIN = 64
"""Lattice pixels on either side of the range of the target that the refinement may look at."""


class Frame(NamedTuple):
    """A model on its window, all NumPy float64.

    Attributes:
        window: of the lattice.
        scale: (obs,) by which flux is multiplied.
        keep: (obs,) 1, and 0 where a nuisance component has all of the flux.
        nuisance: (comp, obs) all nuisance components.
        target: (comp, rest) with unit mean square.
        place: window pixel that target pixel 0 meets at the first trial redshift.
        area: (comp,) ∫ dλ of the target, whose sign is that of a line flux.
    """

    window: LogGrid
    scale: np.ndarray
    keep: np.ndarray
    nuisance: np.ndarray
    target: np.ndarray
    place: int
    area: np.ndarray


def frame_of(model: Madgics, first: int, last: int) -> Frame:
    """Return the frame of a model for trial redshifts of `first` … `last` lattice pixels."""
    target = model.target
    begin, end = target.rest_start + first, target.rest_start + target.grid.size + last
    starts = [begin - MARGIN, *(component.grid.start for component in model.nuisance)]
    ends = [end + MARGIN, *(component.grid.start + component.grid.size for component in model.nuisance)]
    window = LogGrid(min(starts), max(ends) - min(starts), model.step)
    unit = float(np.sqrt(np.mean(np.square(target.vectors, dtype=np.float64))))
    curve = np.zeros(window.size) if target.whitening is None else target.whitening.log_variance(window.loglam)
    scale = np.exp(-curve / 2) / unit
    keep = np.ones(window.size)
    for component in model.nuisance:
        if component.mask is not None:
            keep[placed(component.mask, component.grid, window)] = 0
    nuisance = [np.zeros((0, window.size)), *(component.in_flux(window) * scale for component in model.nuisance)]
    vectors = target.vectors / unit
    # A line is narrow, so that the whitening curve is level over it.
    area = vectors @ 10.0 ** (target.grid.step * np.arange(target.grid.size))
    return Frame(window, scale, keep, np.concatenate(nuisance), vectors, begin - window.start, area)


class Native(NamedTuple):
    """Native pixels of spectra on the device, their edges in lattice pixels, float64."""

    edges: Float[Array, "*spec edge"]
    flux: Float[Array, "*spec pix"]
    ivar: Float[Array, "*spec pix"]


def native(chunk: Chunk, step: float) -> tuple[Native, int]:
    """Return a chunk for the device, and the `width` that `on_window` wants for it; needs JAX's x64 mode."""
    edges = resample.pixel_edges(chunk.wave, step)
    width = resample.overlap_width(edges[: len(chunk.rows)])
    return Native(*(jnp.asarray(values) for values in (edges, chunk.flux, chunk.ivar))), width


def on_window(
    pixels: Native, start: int, size: int, width: int
) -> tuple[Float[Array, " obs"], Float[Array, " obs"], Float[Array, ""]]:
    """Return flux and ivar of one spectrum on a lattice window, and Σ ivar flux² of what lies beyond it."""
    flux, ivar = resample.overlap(*pixels, jnp.int32(start), size=size, width=width)
    left, right = pixels.edges[:-1], pixels.edges[1:]
    inside = jnp.minimum(right, start + size - 0.5) - jnp.maximum(left, start - 0.5)
    outside = 1 - jnp.maximum(inside, 0) / (right - left)
    return flux, ivar, jnp.sum(outside * pixels.ivar * jnp.square(pixels.flux))


def factorised(
    pixels: Native,
    scale: Float[Array, " obs"],
    keep: Float[Array, " obs"],
    nuisance: Float[Array, "comp obs"],
    *,
    start: int,
    width: int,
    logdet: bool,
) -> tuple[woodbury.Factor, Float[Array, " obs"], Float[Array, ""]]:
    """Return noise and nuisance components of one spectrum, its flux in the frame, and χ² without the target.

    Args:
        pixels: of the spectrum.
        scale, keep, nuisance: of the `Frame`.
        start, width: as of `on_window`.
        logdet: whether χ² holds the log-determinant.
    """
    flux, ivar, beyond = on_window(pixels, start, len(scale), width)
    flux, ivar = flux * scale, ivar * keep / jnp.square(scale)
    factor = woodbury.factorise([nuisance], ivar)
    null = woodbury.chi2(factor, flux) + beyond
    return factor, flux, null + woodbury.logdet_gain(factor) if logdet else null


def counts(spectra: Spectra, model: Madgics) -> np.ndarray:
    """Return which native pixels have data and are not masked by a nuisance component, (spec, pix) bool."""
    good = spectra.ivar > 0
    pixel = np.rint(np.log10(spectra.wave) / model.step).astype(int)
    for component in model.nuisance:
        if component.mask is not None:
            place = pixel - component.grid.start
            inside = (place >= 0) & (place < component.grid.size)
            good &= ~(inside & component.mask[np.clip(place, 0, component.grid.size - 1)])
    return good
