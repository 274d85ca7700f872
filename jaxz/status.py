"""One status code per spectrum, and the ZWARN bits of the catalog.

A spectrum that cannot be measured never raises and never hides behind a large number: its status says why, its
redshift is NaN, and the other spectra of the batch are not touched.
"""

import enum


class Status(enum.IntEnum):
    """What became of one spectrum; `explain` puts a code into words."""

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
    """Redrock's warning bits, with Redrock's numbers, and our own; 16 to 23 are for surveys (DESI uses 16 to 19)."""

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
    """The line of the target is where two cameras meet (see `find_redshifts`)."""
    PARTIAL_COVERAGE = 1 << 21
    """The model covers less than 99 % of the good pixels at this redshift (see `jaxz.models.lattice`)."""
    BAD_FIT = 1 << 22
    """χ² is far above the number of pixels, with the error model on: nothing in the models is like this spectrum."""
    BLANK = 1 << 23
    """No model improves on noise and a smooth continuum by more than blank sky may: there may be nothing."""
    FEW_PIXELS = 1 << 24
    """Three neighbouring pixels decide: without them another redshift would be better by as much as is asked of Δχ²."""
    OTHER_LINE = 1 << 25
    """A galaxy at another redshift fits far better: the line that was found is not the target's (see `jaxz.rivals`)."""


def names_of(zwarn: int) -> str:
    """Return the names of the `ZWarn` bits that are set, with commas; a bit without a name is its number.

    Example:
        >>> from jaxz.status import names_of
        >>> names_of(36), names_of(1 << 30)
        ('SMALL_DELTA_CHI2, Z_FITLIMIT', 'bit 30')
    """
    return ", ".join(ZWarn(1 << bit).name or f"bit {bit}" for bit in range(zwarn.bit_length()) if zwarn >> bit & 1)
