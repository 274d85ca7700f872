"""What can be scanned over redshift."""

from jaxz.models.basis import Basis as Basis
