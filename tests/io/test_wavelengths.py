import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from jaxz.io import FileError, airtovac
from jaxz.io.wavelengths import vacuum_angstrom

# Air and vacuum wavelengths of SDSS's spectroscopic pipeline (spZline): [O II], Hβ, [O III], Hα, [S II].
PUBLISHED = [
    (3726.032, 3727.092),
    (4861.325, 4862.683),
    (5006.843, 5008.240),
    (6562.801, 6564.614),
    (6730.820, 6732.678),
]


@pytest.mark.parametrize(("air", "vacuum"), PUBLISHED)
def test_published_pairs_of_wavelengths(air: float, vacuum: float) -> None:
    assert airtovac(np.array(air)) == pytest.approx(vacuum, abs=1e-3)


def test_the_iau_formula_agrees() -> None:
    vacuum = np.linspace(2500.0, 20000.0, 1000)
    sigma2 = (1e4 / vacuum) ** 2
    air = vacuum / (1.0 + 6.4328e-5 + 2.94981e-2 / (146.0 - sigma2) + 2.5540e-4 / (41.0 - sigma2))  # Morton 1991
    np.testing.assert_allclose(airtovac(air), vacuum, rtol=0, atol=4.1e-4)


def test_ciddors_index_is_solved_to_round_off() -> None:
    vacuum = np.linspace(2001.0, 30000.0, 1000)
    sigma2 = (1e4 / vacuum) ** 2
    air = vacuum / (1.0 + 0.05792105 / (238.0185 - sigma2) + 0.00167917 / (57.362 - sigma2))
    np.testing.assert_allclose(airtovac(air), vacuum, rtol=1e-14)


def test_wavelengths_below_2000_angstrom_are_vacuum_already() -> None:
    wave = np.array([912.0, 1215.67, 1999.999])
    np.testing.assert_array_equal(airtovac(wave), wave)


@given(st.lists(st.floats(100.0, 1e5), min_size=2, max_size=20, unique=True))
def test_order_is_kept_across_the_2000_angstrom_limit(wave: list[float]) -> None:
    assert (np.diff(airtovac(np.sort(wave))) >= 0).all()


@pytest.mark.parametrize(
    ("unit", "factor"), [("nm", 10.0), ("um", 1e4), ("Angstrom", 1.0), (None, 1.0), ("", 1.0), ("Angstroms", 1.0)]
)
def test_units_are_honoured(unit: str | None, factor: float) -> None:
    wave = vacuum_angstrom("x", np.array([4000.0, 5000.0]) / factor, unit, air=False)
    np.testing.assert_allclose(wave, [4000.0, 5000.0], rtol=1e-15)


def test_absurd_wavelengths_name_the_unit() -> None:
    with pytest.raises(FileError, match=r"x\.fits\[WAVE\]: wavelengths run from 0\.4 to 0\.9 Å, .* unit Ang"):
        vacuum_angstrom("x.fits[WAVE]", np.array([0.4, 0.9]), None, air=False)
    with pytest.raises(FileError, match="read with the unit um"):
        vacuum_angstrom("x.fits[WAVE]", np.array([4000.0, 9000.0]), "um", air=False)


@pytest.mark.parametrize("unit", ["Hz", "furlong per fortnight"])
def test_what_is_no_unit_of_wavelength_is_refused(unit: str) -> None:
    with pytest.raises(FileError, match=f"'{unit}' is not a unit of wavelength: use Angstrom, nm or um"):
        vacuum_angstrom("x.fits[WAVE]", np.array([4000.0, 9000.0]), unit, air=False)
