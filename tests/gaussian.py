"""Small Gaussian components and spectra drawn from them, for tests that must be quick."""

import numpy as np

from jaxz.models import GaussianComponent, Whitening, lattice_z
from jaxz.spectra import LogGrid, Spectra

STEP = 1e-4
ZMIN, ZMAX = 2.0, 2.25
SHORT = {"zmin": 2.1475, "zmax": 2.1495}
SKY_GRID = LogGrid(35590, 500, STEP)
LINE = 1215.67


def whitening():
    return Whitening(np.array([0.4, -0.9, 0.3]), float(SKY_GRID.loglam[0]), float(SKY_GRID.loglam[-1]))


def sky(rng, *, size=6, scale=8.0, whiten=True, mask=False, name="sky"):
    """Groups of narrow lines; the mask has four pixels."""
    place = np.arange(SKY_GRID.size)
    vectors = np.zeros((size, SKY_GRID.size))
    for row in range(size):
        for centre in rng.uniform(0, SKY_GRID.size, 8):
            vectors[row] += rng.normal() * np.exp(-0.5 * ((place - centre) / 1.2) ** 2)
    masked = np.isin(place, [100, 101, 102, 300]) if mask else None
    return GaussianComponent(
        vectors * np.geomspace(scale, scale / 8, size)[:, None], SKY_GRID, whitening=whitening() if whiten else None,
        mask=masked, name=name, version="2", spectype="SKY",
    )  # fmt: skip


def target(*, scale=4.0, whiten=True, reference=2.45, half=20):
    """A line, and how its red wing varies; both end in zeros."""
    reference = lattice_z(reference, STEP)
    centre = round(np.log10(LINE * (1 + reference)) / STEP)
    grid = LogGrid(centre - half, 2 * half + 1, STEP)
    x = np.arange(-half, half + 1)
    vectors = np.stack([np.exp(-0.5 * (x / 2.0) ** 2), 0.4 * np.exp(-0.5 * ((x - 4) / 2.5) ** 2)])
    return GaussianComponent(
        scale * vectors, grid, reference_z=reference, whitening=whitening() if whiten else None,
        calibration=1.7, name="LAE", version="3", spectype="LAE", provenance={"made": "by hand, λ in vacuum"},
    )  # fmt: skip


def lattice_spectra(rng, components, count, *, z=None, sigma=1.0, coeff=None):
    """Spectra whose native pixels are lattice pixels, drawn from the components at `z`, and their coefficients."""
    grid = LogGrid(SKY_GRID.start + 10, SKY_GRID.size - 20, STEP)
    noise = sigma * rng.uniform(0.5, 1.5, size=(count, grid.size))
    flux = noise * rng.normal(size=(count, grid.size))
    drawn = []
    for component in components:
        values = rng.normal(size=(count, len(component))) if coeff is None else np.tile(coeff, (count, 1))
        if component.reference_z is None:
            values = rng.normal(size=(count, len(component)))
        for row in range(count):
            placed = component if component.reference_z is None else component.at(z[row])
            flux[row] += values[row] @ placed.in_flux(grid)
        drawn.append(values)
    return Spectra(grid.wave, flux, noise**-2, ids=[f"g{i}" for i in range(count)]), drawn
