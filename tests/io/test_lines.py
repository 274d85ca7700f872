from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from jaxz import io

# The names of SDSS's spZline table for lines of ours.
SDSS = {
    "Ly_alpha": "Lyα",
    "C_IV 1549": "C IV",
    "He_II 1640": "He II 1640",
    "C_III] 1908": "C III] 1909",
    "[O_II] 3725": "[O II] 3727",
    "[O_II] 3727": "[O II] 3730",
    "[Ne_III] 3868": "[Ne III] 3870",
    "H_delta": "Hδ",
    "H_gamma": "Hγ",
    "H_beta": "Hβ",
    "[O_III] 4959": "[O III] 4960",
    "[O_III] 5007": "[O III] 5008",
    "He_I 5876": "He I 5877",
    "[O_I] 6300": "[O I] 6302",
    "[N_II] 6548": "[N II] 6550",
    "H_alpha": "Hα",
    "[N_II] 6583": "[N II] 6585",
    "[S_II] 6716": "[S II] 6718",
    "[S_II] 6730": "[S II] 6733",
    "[Ar_III] 7135": "[Ar III] 7138",
}
# Air wavelengths of the NIST Atomic Spectra Database.
NIST_AIR = {
    "Ca II K": 3933.663,
    "Ca II H": 3968.469,
    "[Ne V] 3427": 3425.881,
    "Hβ": 4861.33,
    "Hα": 6562.80,
    "Ca II 8500": 8498.02,
    "Ca II 8544": 8542.09,
    "Ca II 8665": 8662.14,
}


def test_lines_have_names_of_their_own_and_increase() -> None:
    lines = io.read_lines()
    assert len(set(lines["name"])) == len(lines) > 35
    assert (np.diff(lines["wave"]) > 0).all()
    assert set(lines["kind"]) == {"emission", "absorption", "both"}
    assert lines["wave"].unit == "Angstrom"


@pytest.mark.parametrize("name", NIST_AIR)
def test_wavelengths_are_those_of_nist_in_vacuum(name: str) -> None:
    lines = io.read_lines()
    wave = lines["wave"][list(lines["name"]).index(name)]
    assert wave == pytest.approx(io.airtovac(np.array(NIST_AIR[name])), abs=0.01)


def test_wavelengths_are_those_of_sdss(data: Path) -> None:
    lines = io.read_lines()
    ours = dict(zip(lines["name"], lines["wave"], strict=True))
    with fits.open(data / "sdss" / "spec-6803-56402-0747.fits") as hdus:
        table = hdus[3].data
        theirs = dict(zip(np.char.strip(table["LINENAME"]), table["LINEWAVE"], strict=True))
    for name, our_name in SDSS.items():
        assert ours[our_name] == pytest.approx(theirs[name], abs=2e-3)
