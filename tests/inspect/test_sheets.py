"""What a page keeps of a spectrum is what was measured, to the digits that it promises."""

import base64
import zlib

import numpy as np
import pytest

from jaxz import ErrorModel, NonNegative, Spectra
from jaxz.candidates import fits_of
from jaxz.inspect.packing import packed
from jaxz.inspect.sheets import BINS, PARTS, RATIO, WAVE_STEP, sheets_of
from jaxz.likelihood import best_fit
from tests import small
from tests.inspect.conftest import sample


def unpacked(text, *columns):
    """Return the columns of (length, order) in a text of `packed`, as `packing.js` does."""
    data, place, found = zlib.decompress(base64.b64decode(text)), 0, []
    for length, order in columns:
        code = np.frombuffer(data[place : place + 4 * length], np.uint8).reshape(4, length).T.copy().view("<u4")[:, 0]
        values = (code >> 1).astype(np.int64) ^ -(code & 1).astype(np.int64)
        for _ in range(order):
            values = np.cumsum(values)
        found.append(values)
        place += 4 * length
    assert place == len(data)
    return found


def test_packed_columns_are_the_same_again(rng):
    columns = [(rng.integers(-(2**28), 2**28, 50), 0), (rng.integers(-900, 900, 7), 1), (np.arange(9) ** 2 - 30, 2)]
    found = unpacked(packed(columns), *((len(values), order) for values, order in columns))
    for values, (expected, _) in zip(found, columns, strict=True):
        np.testing.assert_array_equal(values, expected)


def test_spectrum_and_curve_of_a_sheet():
    spectra, catalog = sample()
    z = np.linspace(0, 0.4, 7001)
    chi2 = 1000 + 50 * np.cos(40 * z) + np.zeros((4, 1))
    chi2[0, 1234] = 700
    sheet = sheets_of(spectra, catalog, [], (z, chi2))[0]
    code, signal, levels = unpacked(sheet.data, (800, 1), (800, 0), (BINS, 1))
    (wave,) = unpacked(sheet.grid, (800, 2))
    np.testing.assert_allclose(wave * WAVE_STEP, spectra.wave[0], atol=WAVE_STEP)
    sigma = sheet.about["least"] * RATIO ** (code - 1.0)
    np.testing.assert_allclose(sigma, 0.2, rtol=RATIO - 1)
    np.testing.assert_allclose(signal * sigma / PARTS, spectra.flux[0], atol=0.2 / PARTS)
    known = sheet.about["curve"]
    lowest = known["low"] + known["step"] * levels
    place = np.argmin(lowest)
    assert lowest[place] == pytest.approx(700)
    assert known["first"] + (place + 0.5) * (known["last"] - known["first"]) / BINS == pytest.approx(z[1234], abs=4e-4)
    assert [one["z"] for one in sheet.about["candidates"]] == [0.05, 0.18, 0.08]
    assert [one.get("beside", False) for one in sheet.about["candidates"]] == [False, False, True]
    assert all("model" not in one for one in sheet.about["candidates"])


def test_pixels_without_data_and_rows_without_redshift():
    spectra, catalog = sample()
    _, masked, _, last = sheets_of(spectra, catalog, [])
    assert masked.about["npix"] == 700
    assert last.about["candidates"] == []
    empty = Spectra(np.arange(5000.0, 5010.0), np.zeros((1, 10)), np.zeros((1, 10)))
    (sheet,) = sheets_of(empty, {"Z": np.array([np.nan])}, [])
    code, signal = unpacked(sheet.data, (sheet.about["npix"], 1), (sheet.about["npix"], 0))
    assert not code.any()
    assert not signal.any()


def test_candidates_have_the_fits_of_the_models_that_their_chi2_is_of(rng):
    spectra, _ = small.spectra(rng, np.array([0.05, 0.2]), 10.0)
    plain, rough = NonNegative(small.basis()), NonNegative(small.basis(), error=ErrorModel())
    z = np.array([[0.05, 0.11], [0.2, np.nan]])
    own = fits_of(spectra, [plain], z, np.zeros(z.shape))
    other = fits_of(spectra, [rough], z, np.zeros(z.shape))
    chi2 = np.array([[own.chi2[0, 0], other.chi2[0, 1]], [other.chi2[1, 0], np.nan]])
    fits = fits_of(spectra, [plain, rough], z, chi2)
    np.testing.assert_array_equal(fits.which, [[0, 1], [1, -1]])
    np.testing.assert_array_equal(fits.chi2, chi2)
    expected = best_fit(spectra, plain, z[:, 0])[0]
    np.testing.assert_allclose(fits.flux[0, 0], expected, rtol=1e-9)
    assert np.isnan(fits.flux[1, 1]).all()
    (sheet, _) = sheets_of(spectra, {"ZALT": z, "ZALT_CHI2": chi2}, [plain, rough])
    known = sheet.about["candidates"][0]["model"]
    first, count = known["first"], known["count"]
    values = unpacked(sheet.data, (700, 1), (700, 0), (count, 1), (count, 1))[2] * known["step"]
    np.testing.assert_allclose(values, expected[first : first + count], atol=known["step"])


def test_the_other_galaxy_of_a_blend_is_a_candidate_that_is_fitted_with_the_first(rng):
    (first, _), (second, _) = (small.spectra(rng, np.array([z]), 60.0) for z in (0.05, 0.195))
    flux, ivar = first.flux + second.flux, 1 / (1 / first.ivar + 1 / second.ivar)
    spectra = Spectra(first.wave[0], flux, ivar, ids=["both"])
    columns = {"Z": [0.05], "CHI2": [900.0], "Z2": [0.195], "DELTACHI2_2": [250.0], "PBLEND": [0.9]}
    catalog = {name: np.array(values) for name, values in columns.items()}
    (sheet,) = sheets_of(spectra, catalog, [NonNegative(small.basis())])
    alone, both = sheet.about["candidates"]
    known = {name: both[name] for name in ("z", "chi2", "probability", "spectype", "beside")}
    assert known == {"z": 0.195, "chi2": 650.0, "probability": 0.9, "spectype": "GALAXY", "beside": True}
    npix = sheet.about["npix"]
    lengths = [(npix, 1), (npix, 0), *((one["model"]["count"], 1) for one in (alone, both))]
    *_, fit, total = unpacked(sheet.data, *lengths)
    chi2 = [
        np.sum(ivar[0, :npix] * (flux[0, :npix] - values * one["model"]["step"]) ** 2)
        for one, values in ((alone, fit), (both, total))
    ]
    assert chi2[1] < 0.5 * chi2[0]
