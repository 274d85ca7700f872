"""The parts that a spectrum is a sum of: what slides of a model, and fixed columns, each by itself."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float, Int
from jaxz.models.columns import Columns, Fixed, Kind, Nuisance
from jaxz.models.components import GaussianComponent
from jaxz.models.madgics import Madgics
from jaxz.models.model import AbstractModel

CONTINUUM = "continuum"
"""Name of what the error model adds to the shape of the continuum."""


class Part(eqx.Module):
    """One part on the device; that of an error model has neither `model` nor `fixed`: its columns depend on the data.

    Attributes:
        model: of which it is what slides, or None.
        fixed: the columns of a part that does not, or None.
        kind: of its coefficients.
        count: its columns.
        name: of the part.
        step: of its lattice, dex.
    """

    model: AbstractModel | None
    fixed: Fixed | None
    kind: Kind = eqx.field(static=True)
    count: int = eqx.field(static=True)
    name: str = eqx.field(static=True)
    step: float = eqx.field(static=True)

    @property
    def slides(self) -> bool:
        """Whether it has another place at another redshift."""
        return self.model is not None

    @property
    def of_error(self) -> bool:
        """Whether it is that of an error model."""
        return self.model is None and self.fixed is None

    def columns(self, z: Float[Array, ""], start: Int[Array, ""], size: int) -> Float[Array, "comp obs"]:
        """Return its columns on `size` lattice pixels from `start` on; zero if it slides and z is NaN."""
        if self.fixed is not None:
            eliminated, positive, _ = self.fixed.on_lattice(start, size)
            return positive if self.kind == "non-negative" else eliminated
        assert self.model is not None
        there = jnp.isfinite(z)
        return jnp.where(there, self.model.sliding_columns(jnp.where(there, z, 0), start, size), 0)

    def owned(self, start: int, size: int) -> np.ndarray:
        """Return the pixels of a window that it has all the flux of, (size,) bool."""
        if self.fixed is None:
            return np.zeros(size, dtype=bool)
        return np.asarray(self.fixed.on_lattice(jnp.int32(start), size)[2]) == 0


def parts_of(model: AbstractModel | Sequence[Nuisance]) -> tuple[Part, ...]:
    """Return the parts of a model, what slides first, the continuum of its error model last; or components alone.

    Raises:
        ValueError: if there are no components, or their lattice steps differ.
    """
    if isinstance(model, AbstractModel):
        parts = [_sliding(model), *(_fixed(part) for part in model.nuisance)]
        if model.error is not None and model.error.order:
            parts.append(Part(None, None, "gaussian", model.error.order, CONTINUUM, model.step))
        return tuple(parts)
    if not model:
        raise ValueError("no components to separate into: give at least one")
    step = model[0].grid.step
    parts = []
    for part in model:
        if part.grid.step != step:
            raise ValueError(
                f"component {part.name!r} has a lattice step of {part.grid.step:g} dex, the others {step:g}: resample "
                f"it with component.with_step({step:g})"
            )
        if isinstance(part, GaussianComponent) and part.reference_z is not None:
            parts.append(_sliding(Madgics(part)))
        else:
            parts.append(_fixed(part))
    return tuple(parts)


def _sliding(model: AbstractModel) -> Part:
    return Part(model, None, model.coefficients, len(model), model.name, model.step)


def _fixed(part: Nuisance) -> Part:
    kind = part.kind if isinstance(part, Columns) else "gaussian"
    return Part(None, Fixed.of([part]), kind, len(part), part.name, part.grid.step)
