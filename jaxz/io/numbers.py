"""What was learned with a basis, in the header of its file: the numbers of an error model and of a calibration."""

from pathlib import Path
from typing import Any, NamedTuple

from jaxz.calibration import Calibration
from jaxz.io.basis import basis_header
from jaxz.io.files import FileError, damage_named
from jaxz.models.error import ErrorModel

_NAME = "ZCALIB"
_CALIBRATION = {
    "temperature": "CALTEMP",
    "misfit": "CALMISF",
    "delta_chi2": "CALDCHI2",
    "bad_fit": "CALBAD",
    "optical": "CALVOPT",
    "ultraviolet": "CALVUV",
    "level": "CALLEVEL",
}


class Numbers(NamedTuple):
    """What a basis is to be used with.

    Example:
        >>> numbers = jaxz.io.Numbers(jaxz.ErrorModel(), jaxz.Calibration(name="mine"))
        >>> jaxz.io.write_basis(jaxz.load_basis(), "mine.fits", header=numbers.cards())
        >>> jaxz.io.load_numbers("mine.fits") == numbers
        True
    """

    error: ErrorModel
    calibration: Calibration

    def cards(self) -> dict[str, Any]:
        """Return what the header of a basis file says, for `jaxz.io.write_basis`."""
        numbers = self.error.cards()
        numbers |= {card: float(getattr(self.calibration, name)) for name, card in _CALIBRATION.items()}
        # In words, as FITS has no infinity, and numbers of 16 digits, of which a double has 17.
        words = {card: repr(value) if isinstance(value, float) else value for card, value in numbers.items()}
        return {_NAME: self.calibration.name} | words


def load_numbers(name_or_path: str | Path | None = None) -> Numbers | None:
    """Return the numbers that were learned with a basis, or None if its file has none, as those that come with jaxz.

    Args:
        name_or_path: as of `load_basis`.

    Raises:
        FileError: if there is neither such a basis nor such a file, the file cannot be read, or has some numbers but
            not all, or none that make sense.

    Example:
        >>> jaxz.io.load_numbers("galaxy") is None
        True
    """
    with damage_named(name_or_path or "the default basis"):
        return _numbers(name_or_path, basis_header(name_or_path))


def _numbers(name_or_path: str | Path | None, header: Any) -> Numbers | None:
    wanted = {*ErrorModel().cards(), *_CALIBRATION.values(), _NAME}
    missing = sorted(card for card in wanted if card not in header)
    if len(missing) == len(wanted):
        return None
    if missing:
        raise FileError(f"{name_or_path}: no {', '.join(missing)} in its header: write it again, or remove the others")
    try:
        error = ErrorModel.from_cards(header)
        assert error is not None
        known: dict[str, Any] = {name: float(header[card]) for name, card in _CALIBRATION.items()}
        return Numbers(error, Calibration(**known, name=str(header[_NAME])))
    except ValueError as wrong:
        raise FileError(f"{name_or_path}: {wrong}: write it again") from wrong
