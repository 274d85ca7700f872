"""The shape vocabulary of the whole package, in one place.

==========  ==========================================================
``spec``    spectra of one batch
``pix``     native pixels of the instrument
``obs``     lattice pixels that a spectrum covers
``rest``    lattice pixels that a basis covers
``basis``   vectors of a basis
``pair``    its products of two vectors, K(K+1)/2
``comp``    vectors of a Gaussian component, or of all of them
``shift``   trial redshifts, as integer shifts on the lattice
``lane``    problems solved side by side, always the last axis
``cand``    candidate redshifts of one spectrum, best first
``diag``    diagonals of a banded resolution matrix
==========  ==========================================================

Arrays of the kernels are JAX arrays of float32 or float64, as given. The containers (`Spectra`, `ZScan`,
`Redshifts`) hold NumPy arrays, because what they report is float64 whatever JAX is set to.
"""

from typing import Any

from jaxtyping import Array, Bool, Complex, Float, Int

__all__ = ["Array", "Bool", "Complex", "Device", "Either", "Float", "Int"]

Either = Any
"""A JAX array inside of compiled functions, a NumPy array outside."""

Device = Any
"""A `jax.Device`, which JAX has as a variable, not as a type."""
