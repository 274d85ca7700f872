"""What can be scanned over redshift."""

from jaxz.models.basis import Basis as Basis
from jaxz.models.components import (
    GaussianComponent as GaussianComponent,
    Madgics as Madgics,
    Whitening as Whitening,
    lattice_z as lattice_z,
)
