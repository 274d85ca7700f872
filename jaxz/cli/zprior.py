"""The option ``--prior`` of `jaxz zfind`: text or a table → a prior on z for each group of spectra."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from jaxz.posterior import Prior
    from jaxz.spectra import Spectra

PriorOf = Callable[["Spectra"], "Prior | None"]


def read_prior(text: str | None) -> PriorOf:
    """Return a function from spectra to their prior.

    Args:
        text: "KIND:Z:SIGMA" for all spectra, the path of a table with a row for each spectrum that has one, or with the
            redshifts Z of others that were selected alike, or None.

    Raises:
        ValueError: if it is neither, or a kind or width is not possible.
        FileError: if the table cannot be read.
    """
    if text is None:
        return lambda spectra: None
    if Path(text).is_file():
        return _from_table(text)
    try:
        kind, centre, width = text.split(":")
        prior = _kinds()[kind.lower()](float(centre), float(width))
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"--prior {text}: neither a file nor KIND:Z:SIGMA with KIND gaussian, lorentzian or tophat and SIGMA > 0"
        ) from error
    return lambda spectra: prior


def _kinds() -> dict[str, Callable[..., "Prior"]]:
    from jaxz import posterior

    # Redrock's files spell the second one with an e.
    return {
        "gaussian": posterior.gaussian,
        "lorentzian": posterior.lorentzian,
        "lorentzien": posterior.lorentzian,
        "tophat": posterior.tophat,
    }


def _from_table(path: str) -> PriorOf:
    import numpy as np

    from jaxz import io, posterior
    from jaxz.io.identifiers import NOT_A_TARGET

    table = io.read_table(path)
    if "Z" in table.colnames and not {"FUNCTION", "SIGMA"} & set(table.colnames):
        population = posterior.population(np.ma.filled(np.asanyarray(table["Z"]).astype(float), np.nan))
        return lambda spectra: population
    key = next((name for name in ("TARGETID", "ID") if name in table.colnames), None)
    if key is None or not {"FUNCTION", "Z", "SIGMA"} <= set(table.colnames):
        present = ", ".join(table.colnames)
        raise ValueError(
            f"{path}: needs a column Z of known redshifts alone, or TARGETID or ID, FUNCTION, Z and SIGMA, has "
            f"{present}"
        )
    # Spectra without a TARGETID have that number, too.
    known = [row for row in table if key == "ID" or row[key] != NOT_A_TARGET]
    priors = {str(row[key]).strip(): _from_row(path, row) for row in known}

    def prior_of(spectra: "Spectra") -> "Prior":
        names = spectra.ids if key == "ID" else spectra.meta.get("TARGETID", spectra.ids)
        chosen = [priors.get(str(name)) for name in names]

        def penalty(z: "np.ndarray") -> "np.ndarray":
            return np.stack([np.zeros(len(z)) if prior is None else prior(z) for prior in chosen])

        return penalty

    return prior_of


def _from_row(path: str, row: Any) -> "Prior":
    try:
        return _kinds()[str(row["FUNCTION"]).strip().lower()](float(row["Z"]), float(row["SIGMA"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: prior {row['FUNCTION']}, {row['Z']}, {row['SIGMA']}: FUNCTION must be gaussian, lorentzian or "
            "tophat, and SIGMA positive"
        ) from error
