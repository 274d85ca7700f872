"""Gaussian components and spectra → χ² at every trial redshift [L]."""

import functools
from collections.abc import Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float
from jaxz.chunks import Chunk, chunks, each, spread
from jaxz.frame import Frame, Native, counts, factorised, frame_of, native
from jaxz.kernels import normal, sliding, woodbury
from jaxz.models.components import GaussianComponent, Madgics
from jaxz.scan.zscan import Precision, ZScan, trial_shifts
from jaxz.spectra import Spectra
from jaxz.status import Status

PLACES = 64
"""Shifts in one matrix product: more multiply more zeros, fewer use the processor less well."""

LONG = 400
"""Pixels of a target from which on transforms are faster than products."""

Engine = Literal["products", "fft"]


def madgics_scan(
    spectra: Spectra,
    *,
    target: GaussianComponent,
    nuisance: Sequence[GaussianComponent] = (),
    zmin: float = 2.0,
    zmax: float = 4.0,
    logdet: bool = False,
    emission: bool = False,
    engine: Engine | None = None,
    precision: Precision = "float32",
    batch_size: int = 64,
) -> ZScan:
    """Return χ²(z) of noise, nuisance components and the target at every lattice redshift from `zmin` to `zmax`.

        χ²(z) = dᵀ (C_res + C_nuisance + C_target(z))⁻¹ d   [L, eq. 4-6].

    The rows of the result are this *total* χ², the nuisance components marginalised, so that a minimum means what it
    means for `nmf_scan`; Δχ²(z) of [L, eq. 6], negative where the target helps, is ``scan.chi2 - scan.null[:, None]``.
    The curves are float64 in both precisions, because Δχ² is a small part of the total. A prior on z is given to
    `find_redshifts`, together with ``Madgics(target, nuisance)``.

    A spectrum is put on the lattice as by `nmf_scan`. There, one Cholesky decomposition takes care of all nuisance
    components, and everything that depends on z is a correlation with the target (see `jaxz.kernels.sliding`). The
    target is taken as it is; where it is partly beyond the data it has less to say, and where it is wholly so Δχ² is 0.
    While it runs, a CPU holds about 5 MB for each core, an accelerator for each spectrum of a batch (50 + 2 vectors,
    4500 redshifts).

    Args:
        spectra: what was measured.
        target: searched for; shiftable.
        nuisance: fixed in the observed frame, any number, on the lattice step of the target.
        zmin, zmax: range of trial redshifts, above -1.
        logdet: add ln|C|, less that of the noise: χ² is then -2 ln of the marginal likelihood, which can be compared
            between components.
        emission: let the flux of the target be positive only (see `jaxz.kernels.woodbury.emission_penalty`): for what
            is known to be emission, as a component with mean zero takes a trough for a line as well.
        engine: "products" by blocks of matrix products, in `precision`; "fft" by transforms, in float64 always; the
            faster one for the length of the target if absent.
        precision: of the products that depend on z. All else is float64.
        batch_size: spectra on the device at a time. The answer does not depend on it.

    Raises:
        ValueError: if `zmin` is not below `zmax`, the components do not fit together (see `Madgics`), or an option is
            not one of the above.
    """
    for name, value, known in (
        ("engine", engine or "products", ("products", "fft")),
        ("precision", precision, ("float32", "float64")),
    ):
        if value not in known:
            raise ValueError(f"{name}={value!r}: use one of {', '.join(known)}")
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: use 1 or more")
    model = Madgics(target, nuisance)
    shifts = trial_shifts(zmin, zmax, model.step)
    first, last = int(shifts[0]), int(shifts[-1])
    status = _status(spectra, model, first, last)
    frame = frame_of(model, first, last)
    chosen = engine or ("products" if target.grid.size <= LONG else "fft")
    chi2, null = np.full((len(spectra), len(shifts)), np.nan), np.full(len(spectra), np.nan)
    reach = len(shifts) - 1 + target.grid.size
    arrays = _arrays(frame, chosen, precision, len(shifts), reach)

    def task(item: tuple[np.ndarray, Chunk]) -> tuple[np.ndarray, ...]:
        with jax.enable_x64(True):
            pixels, width = native(item[1], model.step)
            plan = _Plan(frame.window.start, frame.place, reach, len(shifts), width, precision, logdet, emission)
            return tuple(np.asarray(values) for values in _curves(plan, arrays, pixels))

    rows = np.flatnonzero(status == Status.OK)
    for (_, chunk), found in each(task, chunks(spectra, rows, np.zeros((len(rows), 0), dtype=int), batch_size)):
        null[chunk.rows], chi2[chunk.rows] = (values[: len(chunk.rows)] for values in found)
    z = 10.0 ** (shifts * model.step) - 1
    return ZScan(
        z, chi2, status, ids=spectra.ids, first=first, step=model.step, null=null, logdet=logdet, emission=emission
    )


def _status(spectra: Spectra, model: Madgics, first: int, last: int) -> np.ndarray:
    """Say which spectra can be scanned at all."""
    good = counts(spectra, model)
    begin = model.target.rest_start
    pixel = np.log10(spectra.wave) / model.step
    covered = good & (pixel > begin + first - 0.5) & (pixel < begin + model.target.grid.size + last - 0.5)
    status = np.where(covered.any(axis=1), Status.OK, Status.NO_COVERAGE)
    status = np.where(np.count_nonzero(good, axis=1) <= len(model), Status.TOO_FEW_PIXELS, status)
    return np.where(spectra.npixels == 0, Status.NO_DATA, status)


class _Arrays(NamedTuple):
    """The model on the device: all spectra share it."""

    scale: Float[Array, " obs"]
    keep: Float[Array, " obs"]
    nuisance: Float[Array, "comp obs"]
    target: sliding.Slid | sliding.Transforms
    area: Float[Array, " comp"]


class _Plan(NamedTuple):
    """What is static in a scan.

    The target meets `reach` window pixels from `place` on: its pixel 0 is there at the first trial redshift.
    """

    start: int
    place: int
    reach: int
    nshift: int
    width: int
    precision: Precision
    logdet: bool
    emission: bool


def _arrays(frame: Frame, engine: Engine, precision: Precision, nshift: int, reach: int) -> _Arrays:
    with jax.enable_x64(True):
        if engine == "products":
            part = sliding.slid(jnp.asarray(frame.target, dtype=precision), min(PLACES, nshift))
        else:
            part = sliding.transform(jnp.asarray(frame.target), normal.fft_length(reach, 1, 0, 0))
        shared = (jnp.asarray(values) for values in (frame.scale, frame.keep, frame.nuisance))
        return _Arrays(*shared, target=part, area=jnp.asarray(frame.area))


@functools.partial(jax.jit, static_argnums=0)
def _curves(plan: _Plan, arrays: _Arrays, pixels: Native) -> tuple[Float[Array, " spec"], Float[Array, "spec shift"]]:
    return spread(lambda one: _curve(plan, arrays, one), pixels)


def _curve(plan: _Plan, arrays: _Arrays, pixels: Native) -> tuple[Float[Array, ""], Float[Array, " shift"]]:
    """Return χ² of one spectrum without the target, and with it at every trial redshift."""
    frame = (arrays.scale, arrays.keep, arrays.nuisance)
    factor, flux, null = factorised(pixels, *frame, start=plan.start, width=plan.width, logdet=plan.logdet)
    reached = slice(plan.place, plan.place + plan.reach)
    given = woodbury.projected(factor, reached), woodbury.solve(factor, flux)[reached], factor.ivar[reached]
    if isinstance(arrays.target, sliding.Slid):
        spectrum = sliding.Conditioned(*(values.astype(plan.precision) for values in given))
        added = sliding.by_products(arrays.target, spectrum, plan.nshift)
    else:
        nfft = 2 * (arrays.target.vectors.shape[1] - 1)
        added = sliding.by_fft(arrays.target, sliding.Conditioned(*given), nshift=plan.nshift, nfft=nfft)
    delta, logdet = woodbury.delta_chi2(added)
    chi2 = null + delta.astype(null.dtype)
    if plan.logdet:
        chi2 = chi2 + logdet.astype(null.dtype)
    if plan.emission:
        chi2 = chi2 + woodbury.emission_penalty(added, arrays.area.astype(delta.dtype)).astype(null.dtype)
    return null, chi2
