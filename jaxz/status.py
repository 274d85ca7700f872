"""One status code per spectrum, and the ZWARN bits of the catalog.

A spectrum that cannot be measured never raises and never hides behind a large number: its status says why, its
redshift is NaN, and the other spectra of the batch are not touched.
"""

import enum


class Status(enum.IntEnum):
    """What became of one spectrum; `explain` puts a code into words.

    Example:
        >>> jaxz.Status(3).name
        'NO_COVERAGE'
        >>> from jaxz.status import explain
        >>> explain(jaxz.Status.NO_DATA)
        'no pixel with a finite flux and a positive inverse variance'
    """

    OK = 0
    NO_DATA = 1
    TOO_FEW_PIXELS = 2
    NO_COVERAGE = 3
    NOT_CONVERGED = 4
    NO_CANDIDATE = 5


_MEANING = {
    Status.OK: "measured",
    Status.NO_DATA: "no pixel with a finite flux and a positive inverse variance",
    Status.TOO_FEW_PIXELS: "fewer good pixels than vectors of the model: nothing can be fitted",
    Status.NO_COVERAGE: "the model covers no good pixel at any trial redshift: check zmin, zmax, the wavelength unit",
    Status.NO_CANDIDATE: "χ² has no minimum where the prior allows one",
    Status.NOT_CONVERGED: "the non-negative fit did not converge at the best redshift",
}


def explain(code: int) -> str:
    """Return the meaning of a `Status` code in words.

    Raises:
        ValueError: if `code` is not a `Status`.
    """
    return _MEANING[Status(code)]


class ZWarn(enum.IntFlag):
    """Redrock's warning bits, with Redrock's numbers, and our own; 16 to 23 are for surveys (DESI uses 16 to 19).

    Example:
        >>> jaxz.ZWarn(36)
        <ZWarn.SMALL_DELTA_CHI2|Z_FITLIMIT: 36>
        >>> bool(36 & jaxz.ZWarn.SMALL_DELTA_CHI2)
        True
    """

    SKY = 1 << 0
    LITTLE_COVERAGE = 1 << 1
    SMALL_DELTA_CHI2 = 1 << 2
    NEGATIVE_MODEL = 1 << 3
    MANY_OUTLIERS = 1 << 4
    Z_FITLIMIT = 1 << 5
    NEGATIVE_EMISSION = 1 << 6
    UNPLUGGED = 1 << 7
    BAD_TARGET = 1 << 8
    NODATA = 1 << 9
    BAD_MINFIT = 1 << 10
    POORDATA = 1 << 11
    CAMERA_JOIN = 1 << 20
    PARTIAL_COVERAGE = 1 << 21
    BAD_FIT = 1 << 22
    BLANK = 1 << 23
    FEW_PIXELS = 1 << 24
    OTHER_LINE = 1 << 25


WARNING = {
    ZWarn.SKY: "a sky fibre",
    ZWarn.LITTLE_COVERAGE: "fewer than ten good pixels for each coefficient, or a bad amplifier in a camera",
    ZWarn.SMALL_DELTA_CHI2: "χ² of another candidate is less than nine T above (see `jaxz.Calibration`)",
    ZWarn.NEGATIVE_MODEL: "Redrock's; jaxz does not set it",
    ZWarn.MANY_OUTLIERS: "Redrock's; jaxz does not set it",
    ZWarn.Z_FITLIMIT: "at the end of the range of trial redshifts",
    ZWarn.NEGATIVE_EMISSION: "Redrock's; jaxz does not set it",
    ZWarn.UNPLUGGED: "a broken fibre",
    ZWarn.BAD_TARGET: "a fibre without a target",
    ZWarn.NODATA: "no good pixel",
    ZWarn.BAD_MINFIT: "χ² has no parabola around its minimum, or the fit there did not converge",
    ZWarn.POORDATA: "a fibre that was badly placed",
    ZWarn.CAMERA_JOIN: "the line of the target is where two cameras meet (see `jaxz.find_redshifts`)",
    ZWarn.PARTIAL_COVERAGE: "the model covers less than 99 % of the good pixels at this redshift",
    ZWarn.BAD_FIT: "χ² is far above the number of pixels, with the error model on: nothing in the models is like this",
    ZWarn.BLANK: "a galaxy improves on noise and a smooth continuum by no more than blank sky may: perhaps nothing",
    ZWarn.FEW_PIXELS: "three neighbouring pixels decide: without them another candidate would be better by as much "
    "as is asked of Δχ²",
    ZWarn.OTHER_LINE: "a galaxy at another redshift fits far better: the line is not the target's (see `jaxz.rivals`)",
}
"""What each bit says of a redshift."""


def names_of(zwarn: int) -> str:
    """Return the names of the `ZWarn` bits that are set, with commas; a bit without a name is its number.

    Example:
        >>> from jaxz.status import names_of
        >>> names_of(36), names_of(1 << 30)
        ('SMALL_DELTA_CHI2, Z_FITLIMIT', 'bit 30')
    """
    return ", ".join(ZWarn(1 << bit).name or f"bit {bit}" for bit in range(zwarn.bit_length()) if zwarn >> bit & 1)
