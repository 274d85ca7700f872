"""The spectral lines that plots are labelled with."""

from importlib import resources

from astropy.table import Table

from jaxz.io.tabular import table_of_text


def read_lines() -> Table:
    """Return the strong lines of galaxy spectra, by wavelength.

    Returns:
        Columns ``name``, ``wave`` (rest-frame vacuum, Å) and ``kind`` (``emission``, ``absorption`` or ``both``).

    Example:
        >>> lines = jaxz.io.read_lines()
        >>> lines.colnames, str(lines["name"][0])
        (['name', 'wave', 'kind'], 'Lyα')
    """
    with resources.as_file(resources.files("jaxz") / "data" / "lines.ecsv") as path:
        return table_of_text(path, "ecsv")
