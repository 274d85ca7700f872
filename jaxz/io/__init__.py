"""Files in and out: spectra and cubes of MUSE, spectra of SDSS, DESI and plain tables; catalogs and maps of redshifts.

Bases, components, calibrations and line lists, too.

The only part of jaxz that uses astropy.
"""

from jaxz.air import airtovac as airtovac
from jaxz.io.basis import (
    basis_names as basis_names,
    load_basis as load_basis,
    read_basis as read_basis,
    write_basis as write_basis,
)
from jaxz.io.calibration import (
    calibration_names as calibration_names,
    load_calibration as load_calibration,
    read_calibration as read_calibration,
    write_calibration as write_calibration,
)
from jaxz.io.catalog import (
    read_catalog as read_catalog,
    to_table as to_table,
)
from jaxz.io.component import (
    component_names as component_names,
    load_component as load_component,
    read_component as read_component,
    write_component as write_component,
)
from jaxz.io.curves import KeptCurves as KeptCurves, read_curves as read_curves, write_curves as write_curves
from jaxz.io.desi import read_desi as read_desi
from jaxz.io.extraction import Extracted as Extracted, Extraction as Extraction, extract as extract
from jaxz.io.files import FileError as FileError, FileWarning as FileWarning
from jaxz.io.inspected import read_truth as read_truth
from jaxz.io.line_maps import line_maps as line_maps, place_columns as place_columns
from jaxz.io.line_tables import (
    joined_tables as joined_tables,
    line_tables as line_tables,
    write_lines as write_lines,
)
from jaxz.io.lines import read_lines as read_lines
from jaxz.io.maps import read_maps as read_maps
from jaxz.io.numbers import Numbers as Numbers, load_numbers as load_numbers
from jaxz.io.output import check_output as check_output, claimed as claimed
from jaxz.io.populations import read_populations as read_populations
from jaxz.io.reader import FORMATS as FORMATS, expand as expand, open_spectra as open_spectra, read as read
from jaxz.io.source import (
    write_line_sources as write_line_sources,
    write_source as write_source,
    write_sources as write_sources,
)
from jaxz.io.survey import write_survey as write_survey
from jaxz.io.tabular import read_table as read_table, write_table as write_table
from jaxz.io.targets import Photometry as Photometry, photometry as photometry, read_targets as read_targets
from jaxz.io.writer import write as write
