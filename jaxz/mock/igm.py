"""The mean transmission of the intergalactic medium, Inoue et al. 2014, MNRAS 442, 1805 (I14)."""

import numpy as np

LYMAN_LIMIT = 911.8

_SERIES = np.array(
    [
        [1215.670, 1.68976e-2, 2.35379e-3, 1.02611e-4, 1.61698e-4, 5.38995e-5],
        [1025.720, 4.69229e-3, 6.53625e-4, 2.84940e-5, 1.54539e-4, 5.15129e-5],
        [972.537, 2.23898e-3, 3.11884e-4, 1.35962e-5, 1.49767e-4, 4.99222e-5],
        [949.743, 1.31901e-3, 1.83735e-4, 8.00974e-6, 1.46031e-4, 4.86769e-5],
        [937.803, 8.70656e-4, 1.21280e-4, 5.28707e-6, 1.42893e-4, 4.76312e-5],
        [930.748, 6.17843e-4, 8.60640e-5, 3.75186e-6, 1.40159e-4, 4.67196e-5],
        [926.226, 4.60924e-4, 6.42055e-5, 2.79897e-6, 1.37714e-4, 4.59048e-5],
        [923.150, 3.56887e-4, 4.97135e-5, 2.16720e-6, 1.35495e-4, 4.51650e-5],
        [920.963, 2.84278e-4, 3.95992e-5, 1.72628e-6, 1.33452e-4, 4.44841e-5],
    ]
)
"""I14, table 2, Lyα to Lyι: wavelength (Å), A of the Lyα forest for its three ranges of redshift, A of the damped
systems for their two. The higher lines, within 10 Å of the limit, are left out."""


def transmission(wave: np.ndarray, z: float) -> np.ndarray:
    """Return exp(-τ) of all gas between a source and us [I14, eqs. 15, 21-29].

    Args:
        wave: (pix,) observed wavelengths, Å.
        z: redshift of the source.

    Returns:
        (pix,) transmission; 1 redward of Lyα.
    """
    tau = np.zeros(len(wave))
    blue = wave < _SERIES[0, 0] * (1 + z)
    tau[blue] = _lines(wave[blue], z)
    ionising = wave < LYMAN_LIMIT * (1 + z)
    tau[ionising] += _forest_continuum(wave[ionising] / LYMAN_LIMIT, 1 + z)
    tau[ionising] += _damped_continuum(wave[ionising] / LYMAN_LIMIT, 1 + z)
    return np.exp(-np.maximum(tau, 0))


def _lines(wave: np.ndarray, z: float) -> np.ndarray:
    """Optical depth of the Lyman lines [I14, eqs. 21-22]."""
    tau = np.zeros(len(wave))
    for rest, *a in _SERIES:
        x = wave / rest
        forest = np.select([x < 2.2, x < 5.7], [a[0] * x**1.2, a[1] * x**3.7], a[2] * x**5.5)
        damped = np.where(x < 3, a[3] * x**2, a[4] * x**3)
        tau += np.where(x < 1 + z, forest + damped, 0)
    return tau


def _forest_continuum(x: np.ndarray, s: float) -> np.ndarray:
    """Optical depth of the forest below the Lyman limit [I14, eqs. 25-27], x = λ/912 Å, s = 1 + z of the source."""
    if s < 2.2:
        return 0.325 * (x**1.2 - s**-0.9 * x**2.1)
    if s < 5.7:
        red = 2.55e-2 * (s**1.6 * x**2.1 - x**3.7)
        return np.where(x < 2.2, 2.55e-2 * s**1.6 * x**2.1 + 0.325 * x**1.2 - 0.250 * x**2.1, red)
    far = 5.22e-4 * s**3.4 * x**2.1
    return np.select(
        [x < 2.2, x < 5.7],
        [far + 0.325 * x**1.2 - 3.14e-2 * x**2.1, far + 0.218 * x**2.1 - 2.55e-2 * x**3.7],
        far - 5.22e-4 * x**5.5,
    )


def _damped_continuum(x: np.ndarray, s: float) -> np.ndarray:
    """Optical depth of damped systems below the Lyman limit [I14, eqs. 28-29]."""
    if s < 3:
        return 0.211 * s**2 - 7.66e-2 * s**2.3 * x**-0.3 - 0.135 * x**2
    near = 0.634 + 4.70e-2 * s**3 - 1.78e-2 * s**3.3 * x**-0.3 - 0.135 * x**2 - 0.291 * x**-0.3
    return np.where(x < 3, near, 4.70e-2 * s**3 - 1.78e-2 * s**3.3 * x**-0.3 - 2.92e-2 * x**3)
