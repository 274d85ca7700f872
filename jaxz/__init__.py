"""Galaxy redshifts from spectra, thousands at a time, in pure JAX.

`jaxz.inspect`, `jaxz.io`, `jaxz.mock`, `jaxz.plot`, `jaxz.train`, `jaxz.validate`, `jaxz.redshifts`, `jaxz.load_basis`,
`jaxz.load_component` and `jaxz.load_calibration` are loaded when first touched, so that `import jaxz` needs neither
astropy nor matplotlib.
"""

import importlib
from typing import TYPE_CHECKING, Any

from jaxz import kernels as kernels, noise as noise, posterior as posterior
from jaxz.calibration import Calibration as Calibration
from jaxz.compare import compare as compare
from jaxz.likelihood import chi2 as chi2
from jaxz.models import (
    Basis as Basis,
    Columns as Columns,
    ErrorModel as ErrorModel,
    Free as Free,
    GaussianComponent as GaussianComponent,
    Madgics as Madgics,
    NonNegative as NonNegative,
    OwnColumns as OwnColumns,
    Whitening as Whitening,
)
from jaxz.pixels import Pixels as Pixels
from jaxz.redshift import Redshifts as Redshifts, find_redshifts as find_redshifts
from jaxz.rivals import Rivals as Rivals, rivals as rivals
from jaxz.scan import ZScan as ZScan, madgics_scan as madgics_scan, nmf_scan as nmf_scan, scan as scan
from jaxz.separation import Separation as Separation, separate as separate
from jaxz.spectra import LogGrid as LogGrid, Spectra as Spectra
from jaxz.status import Status as Status, ZWarn as ZWarn

if TYPE_CHECKING:
    from jaxz import inspect as inspect, io as io, mock as mock, plot as plot, train as train, validate as validate
    from jaxz.classes import redshifts as redshifts
    from jaxz.io import (
        load_basis as load_basis,
        load_calibration as load_calibration,
        load_component as load_component,
    )

__version__ = "0.1.0"

_LAZY_MODULES = ("inspect", "io", "mock", "plot", "train", "validate")
_LAZY_FUNCTIONS = {
    "load_basis": "jaxz.io",
    "load_calibration": "jaxz.io",
    "load_component": "jaxz.io",
    "redshifts": "jaxz.classes",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY_MODULES:
        return importlib.import_module(f"jaxz.{name}")
    if name in _LAZY_FUNCTIONS:
        return getattr(importlib.import_module(_LAZY_FUNCTIONS[name]), name)
    raise AttributeError(f"module 'jaxz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY_MODULES, *_LAZY_FUNCTIONS})
