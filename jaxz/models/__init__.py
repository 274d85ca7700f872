"""What can be scanned over redshift."""

from jaxz.models.basis import Basis as Basis
from jaxz.models.columns import Columns as Columns, OwnColumns as OwnColumns
from jaxz.models.components import (
    GaussianComponent as GaussianComponent,
    Whitening as Whitening,
    lattice_z as lattice_z,
)
from jaxz.models.error import ErrorModel as ErrorModel
from jaxz.models.madgics import Madgics as Madgics
from jaxz.models.model import AbstractModel as AbstractModel, Curve as Curve, Fit as Fit, Precision as Precision
from jaxz.models.templates import Free as Free, NonNegative as NonNegative
from jaxz.models.trials import Trials as Trials
