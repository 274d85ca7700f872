"""The spectral lines that plots are labelled with."""

import astropy.units as u
from astropy.table import Column, Table

from jaxz.lines.known import known_lines


def read_lines() -> Table:
    """Return the strong lines of galaxy spectra, by wavelength; `jaxz.lines.known_lines` has the fainter ones too.

    Returns:
        Columns ``name``, ``wave`` (rest-frame vacuum, Å) and ``kind`` (``emission``, ``absorption`` or ``both``).

    Example:
        >>> lines = jaxz.io.read_lines()
        >>> lines.colnames, str(lines["name"][0])
        (['name', 'wave', 'kind'], 'Lyα')
    """
    strong = [line for line in known_lines() if line.labelled]
    wave = Column([line.wave for line in strong], unit=u.Angstrom)
    return Table({"name": [line.name for line in strong], "wave": wave, "kind": [line.kind for line in strong]})
