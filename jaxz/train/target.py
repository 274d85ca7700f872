"""Spectra of known redshift → a Gaussian component that is searched for at others [L, §III.1.2]."""

import numpy as np

from jaxz.models.components import GaussianComponent, lattice_z, placed
from jaxz.separation import window_of
from jaxz.spectra import LogGrid, Spectra
from jaxz.train.covariance import largest, on_lattice, upright
from jaxz.train.sample import labelled


def target_component(
    spectra: Spectra,
    z: np.ndarray,
    *,
    sky: GaussianComponent,
    rank: int = 2,
    reference_z: float = 2.45,
    wave: tuple[float, float] = (4133.0, 4278.0),
    keep: float = 0.75,
    name: str = "target",
    version: str = "1",
    spectype: str = "",
) -> GaussianComponent:
    """Return a component of what spectra have in common at their redshifts, in a window of wavelengths.

    The spectra are separated into sky and noise (`jaxz.separate`), and the *noise* part is used, which holds the target
    too; it is whitened as the sky is. The spectra with the largest variance of these values are left out. The others
    are shifted by whole lattice pixels to the reference redshift: with D (wavelength, spectrum), 0 where there are no
    data, and A its pattern, 1 where there are, the covariance is DDᵀ/AAᵀ element by element [L, eq. 10-11]. Its first
    eigenvectors times the square roots of their eigenvalues are the component.

    A redshift means what it means for `z`: where these are of the peak of a line, so are those that will be found.

    Args:
        spectra: of the instrument of the sky component, which may but need not be those that it was learned from.
        z: (spec,) redshifts.
        sky: fixed, with the lattice and the whitening that the target will have.
        rank: number of eigenvectors.
        reference_z: at which `wave` is given; the nearest lattice redshift is taken.
        wave: range of the component, vacuum Å, which more than encloses the line. The default is Lyα's.
        keep: share of the spectra to keep, those of the least variance.
        name, version, spectype: of the component.

    Returns:
        The component, float32, shiftable. Its provenance has the counts and the parameters.

    Raises:
        ValueError: if a spectrum has no redshift, none covers the window at its redshift, the sky component does not
            suit the spectra, or they are too few for the rank.

    Example:
        >>> spectra, truth = jaxz.mock.emitter_spectra(jaxz.mock.INSTRUMENTS["desi"](), 4, seed=1)
        >>> sky = jaxz.load_component("desi-sky")
        >>> lae = jaxz.train.target_component(spectra, truth.z, sky=sky, rank=1, name="mine")
        >>> lae.name, round(lae.reference_z, 2)
        ('mine', 2.45)
    """
    z = np.asarray(z, dtype=np.float64)
    _check(spectra, z, sky, rank, wave, keep)
    step = sky.grid.step
    reference_z = lattice_z(reference_z, step)
    grid = LogGrid.covering(*wave, step)
    shifts = np.rint(np.log10((1 + z) / (1 + reference_z)) / step).astype(int)
    samples, seen, noise = _windows(spectra, shifts, sky, grid)
    there = seen.any(axis=1)
    if not there.any():
        raise ValueError(
            f"none of {len(spectra)} spectra has data at its redshift in {wave[0]:g} to {wave[1]:g} Å at "
            f"z = {reference_z:.4f}: give others, or another window"
        )
    use = there & (noise <= np.quantile(noise[there], keep))
    if np.count_nonzero(use) < max(rank, 2):
        raise ValueError(f"{np.count_nonzero(use)} of {len(spectra)} spectra are left: too few for rank={rank}")
    samples, pattern = samples[use], seen[use].astype(np.float64)
    counts = pattern.T @ pattern
    covariance = np.where(counts > 0, samples.T @ samples / np.maximum(counts, 1), 0)
    vectors, values = largest(covariance, rank, f"{len(samples)} spectra")
    provenance = {
        "METHOD": "eigenvectors of the covariance of whitened spectra in one rest frame, without their sky part",
        "NSPEC": str(len(spectra)),
        "NUSED": str(len(samples)),
        "KEEP": f"{keep:g}",
        "WINDOW": f"{wave[0]:g} to {wave[1]:g} A at z = {reference_z:.6f}",
        "SKY": f"{sky.name} {sky.version}",
        "SKYSHA": sky.sha256,
    }
    return GaussianComponent(
        upright(vectors * np.sqrt(values)[:, None]).astype(np.float32), grid, reference_z=reference_z,
        whitening=sky.whitening, name=name, version=version, spectype=spectype, provenance=provenance,
    )  # fmt: skip


def _windows(
    spectra: Spectra, shifts: np.ndarray, sky: GaussianComponent, grid: LogGrid
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return spectra without their sky part, whitened, on `grid` after a shift; where they have data; their variance.

    The variance is that of all values of a spectrum, infinite where there are none.
    """
    whole = window_of(spectra, grid.step)
    rest, ivar = on_lattice(spectra, whole, without=sky)
    if sky.whitening is not None:
        rest /= np.exp(sky.whitening.log_variance(whole.loglam) / 2).astype(np.float32)
    known = ivar > 0
    values, seen = np.zeros((len(spectra), grid.size)), np.zeros((len(spectra), grid.size), dtype=bool)
    variance = np.full(len(spectra), np.inf)
    for row, shift in enumerate(shifts):
        window = LogGrid(grid.start + int(shift), grid.size, grid.step)
        values[row], seen[row] = placed(rest[row], whole, window), placed(known[row], whole, window)
        if known[row].any():
            variance[row] = np.var(rest[row, known[row]], dtype=np.float64)
    return values, seen, variance


def _check(
    spectra: Spectra, z: np.ndarray, sky: GaussianComponent, rank: int, wave: tuple[float, float], keep: float
) -> None:
    if z.shape != (len(spectra),) or not labelled(z).all():
        bad = f"{np.count_nonzero(~labelled(z))} have none" if z.shape == (len(spectra),) else f"z has shape {z.shape}"
        raise ValueError(f"{len(spectra)} spectra need a redshift each, {bad}: leave the others out")
    if rank < 1 or not 0 < wave[0] < wave[1] or not 0 < keep <= 1:
        raise ValueError(f"rank={rank}, wave={wave}, keep={keep}: use rank >= 1, increasing Å and a share up to 1")
    if sky.reference_z is not None:
        raise ValueError(f"sky component {sky.name!r} is shiftable: give one that is fixed in the observed frame")
    good = spectra.ivar > 0
    if not good.any():
        raise ValueError(f"none of {len(spectra)} spectra has data: nothing can be learned")
    low, high = spectra.wave[good].min(), spectra.wave[good].max()
    first, last = sky.grid.wave[[0, -1]]
    if low < first / 1.01 or high > last * 1.01:
        raise ValueError(
            f"spectra from {low:.0f} to {high:.0f} Å and sky component {sky.name!r} from {first:.0f} to {last:.0f} Å: "
            "use the sky component of their instrument"
        )
