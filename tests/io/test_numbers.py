"""What was learned with a basis comes back from its file, and half of it is refused."""

import numpy as np
import pytest
from astropy.io import fits

from jaxz import Calibration, ErrorModel, io
from jaxz.calibration import PLAIN
from tests import small

LEARNED = io.Numbers(
    ErrorModel(0.1 + 0.2, 1 / 3, 1e-3 * np.pi, order=3),
    Calibration(np.exp(0.7), 2 / 3, 9.5, np.inf, 1 / 7, 110.0, name="fine-tuned"),
)


@pytest.fixture
def path(tmp_path):
    io.write_basis(small.basis(), tmp_path / "mine.fits", header=LEARNED.cards())
    return tmp_path / "mine.fits"


def test_numbers_come_back_to_the_bit(path):
    found = io.load_numbers(path)
    assert found is not None
    assert vars(found.error) == vars(LEARNED.error)
    assert vars(found.calibration) == vars(LEARNED.calibration)
    assert io.load_basis(path).sha256 == small.basis().sha256


def test_every_number_of_both_is_kept():
    """A number that is added to either is one more card; what a calibration is for is the basis of the file."""
    count = len(vars(ErrorModel())) + len(vars(PLAIN)) - len(["models"])
    assert len(LEARNED.cards()) == count


@pytest.mark.parametrize("name", io.basis_names())
def test_the_bases_of_the_package_have_none(name):
    assert io.load_numbers(name) is None


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ({"CALMISF": None}, "no CALMISF in its header: write it again"),
        ({"CALTEMP": "0"}, "temperature=0: use a positive number"),
        ({"ERRFLOOR": "-1"}, "floor=-1"),
        ({"ERRLINES": "much"}, "much"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(path, cards, message):
    with fits.open(path, mode="update") as hdus:
        for card, value in cards.items():
            if value is None:
                del hdus[0].header[card]
            else:
                hdus[0].header[card] = value
    with pytest.raises(io.FileError, match=message) as caught:
        io.load_numbers(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(io.FileError, match="no such basis file or basis"):
        io.load_numbers(tmp_path / "none.fits")
