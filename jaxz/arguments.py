"""Arguments that were swapped, or are of another kind: said by name, with the way to what is wanted."""

from typing import Any

_INSTEAD = {
    "Spectra": {
        "ndarray": "make Spectra(wave, flux, ivar) of arrays",
        "Array": "make Spectra(wave, flux, ivar) of arrays",
        "Table": "use Spectra.from_table(table)",
        "QTable": "use Spectra.from_table(table)",
        "DataFrame": "use Spectra.from_table(astropy.table.Table.from_pandas(frame))",
        "Spectrum": "use Spectra.from_specutils or Spectra.from_mpdaf",
        "Spectrum1D": "use Spectra.from_specutils(spectrum)",
        "SpectrumList": "use Spectra.from_specutils(spectra)",
        "SpectrumCollection": "use Spectra.from_specutils(spectra)",
        "list": "join Spectra with Spectra.concatenate(list)",
        "tuple": "make Spectra(wave, flux, ivar) of arrays, or join Spectra with Spectra.concatenate",
        "str": "read files with jaxz.io.read(path)",
        "PosixPath": "read files with jaxz.io.read(path)",
        "DesiFile": "take a slice of it, as file[:100]",
        "Pixels": "give all Spectra; Pixels are for jaxz.chi2",
    },
    "AbstractModel": {
        "Basis": "make a model of it: NonNegative(basis)",
        "GaussianComponent": "make a model of it: Madgics(component, nuisance)",
        "str": "load it: NonNegative(load_basis(name))",
    },
    "Basis": {"str": "load it: load_basis(name)", "ndarray": "make Basis(vectors, grid)"},
    "ZScan": {"Redshifts": "give what scan(spectra, model) returned", "ndarray": "give what scan returned"},
    "GaussianComponent": {"str": "load it: load_component(name)"},
    "Calibration": {"str": "load it: load_calibration(name)"},
}


def check_types(call: str, **given: tuple[Any, type]) -> None:
    """Refuse arguments of a wrong kind.

    Args:
        call: how the function is called, for the message.
        **given: by name, the argument and the class that it must be of.

    Raises:
        TypeError: naming the first that is wrong, and what to do.

    Example:
        >>> from jaxz.arguments import check_types
        >>> check_types("area(width, height)", width=(2.0, float), height=("tall", float))
        Traceback (most recent call last):
        TypeError: area(width, height): height must be a float, is a str
    """
    for name, (value, wanted) in given.items():
        if isinstance(value, wanted):
            continue
        said = f"{call}: {name} must be {_article(wanted)}, is {_article(type(value))}"
        meant = next((other for other, (_, kind) in given.items() if other != name and isinstance(value, kind)), None)
        hint = _INSTEAD.get(wanted.__name__, {}).get(type(value).__name__)
        if meant is not None:
            hint = f"{name} and {meant} are swapped" if isinstance(given[meant][0], wanted) else f"it is a {meant}"
        raise TypeError(said if hint is None else f"{said}: {hint}")


def _article(kind: type) -> str:
    name = "model (NonNegative, Free or Madgics)" if kind.__name__ == "AbstractModel" else kind.__name__
    return f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name}"
