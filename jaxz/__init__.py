"""Galaxy redshifts from spectra, thousands at a time, in pure JAX.

What is public is loaded when it is first touched, so that `import jaxz` and the command answer at once. Examples in
docstrings begin with ``import jaxz`` and ``import numpy as np``.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxz import (
        batch as batch,
        inspect as inspect,
        io as io,
        kernels as kernels,
        mock as mock,
        noise as noise,
        plot as plot,
        posterior as posterior,
        train as train,
        validate as validate,
    )
    from jaxz.blends import Blends as Blends, deblend as deblend
    from jaxz.calibration import Calibration as Calibration
    from jaxz.classes import redshifts as redshifts
    from jaxz.compare import compare as compare
    from jaxz.io import (
        load_basis as load_basis,
        load_calibration as load_calibration,
        load_component as load_component,
    )
    from jaxz.likelihood import chi2 as chi2
    from jaxz.lines import LineFits as LineFits, fit_lines as fit_lines
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

__version__ = "0.1.0"

_MODULES = ("batch", "inspect", "io", "kernels", "mock", "noise", "plot", "posterior", "train", "validate")
_NAMES = {
    "blends": ("Blends", "deblend"),
    "calibration": ("Calibration",),
    "classes": ("redshifts",),
    "compare": ("compare",),
    "io": ("load_basis", "load_calibration", "load_component"),
    "likelihood": ("chi2",),
    "lines": ("LineFits", "fit_lines"),
    "models": (
        "Basis",
        "Columns",
        "ErrorModel",
        "Free",
        "GaussianComponent",
        "Madgics",
        "NonNegative",
        "OwnColumns",
        "Whitening",
    ),
    "pixels": ("Pixels",),
    "redshift": ("Redshifts", "find_redshifts"),
    "rivals": ("Rivals", "rivals"),
    "scan": ("ZScan", "madgics_scan", "nmf_scan", "scan"),
    "separation": ("Separation", "separate"),
    "spectra": ("LogGrid", "Spectra"),
    "status": ("Status", "ZWarn"),
}
"""The public names of each module: those that type checkers see above."""

_HOME = {name: module for module, names in _NAMES.items() for name in names}


class _Package(ModuleType):
    """This package, in which `jaxz.scan` is the function also when the module of that name has been imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"jaxz.{name}")
    if name in _HOME:
        value = getattr(importlib.import_module(f"jaxz.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'jaxz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_HOME} - {"importlib", "sys", "ModuleType", "TYPE_CHECKING", "Any"})
