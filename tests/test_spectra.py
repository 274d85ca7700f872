import numpy as np
import pytest

from jaxz.measured import fill_gaps
from jaxz.meta import concatenate_meta
from jaxz.spectra import LogGrid, Spectra

WAVE = np.array([5000.0, 5001.0, 5002.0, 5003.0])


def test_a_lattice_pixel_is_centred_on_an_integer():
    grid = LogGrid(74000, 3, 5e-5)
    np.testing.assert_allclose(grid.loglam, [3.7, 3.70005, 3.7001])
    np.testing.assert_allclose(grid.wave[0], 10**3.7)


@pytest.mark.parametrize("step", [1e-5, 5e-5, 3e-4])
def test_covering_is_the_smallest_window_that_holds_both_ends(step):
    grid = LogGrid.covering(4750.0, 9350.0, step)
    low, high = np.log10([4750, 9350]) / step
    assert grid.start - 0.5 <= low < grid.start + 0.5
    last = grid.start + grid.size - 1
    assert last - 0.5 < high <= last + 0.5


@pytest.mark.parametrize(("size", "step"), [(0, 1e-4), (5, 0.0), (5, float("nan"))])
def test_an_impossible_lattice_raises(size, step):
    with pytest.raises(ValueError, match="size >= 1 and step > 0"):
        LogGrid(0, size, step)


def test_pixels_without_information_become_zero():
    flux = np.array([[1.0, np.nan, 3.0, np.inf], [1.0, 2.0, 3.0, 4.0]])
    ivar = np.array([[1.0, 1.0, -1.0, 1.0], [np.inf, np.nan, 0.0, 2.0]])
    spectra = Spectra(WAVE, flux, ivar)
    np.testing.assert_array_equal(spectra.flux, [[1, 0, 0, 0], [0, 0, 0, 4]])
    np.testing.assert_array_equal(spectra.ivar, [[1, 0, 0, 0], [0, 0, 0, 2]])
    np.testing.assert_array_equal(spectra.npixels, [1, 1])


def test_a_single_spectrum_and_a_common_grid_are_broadcast():
    spectra = Spectra(WAVE, np.ones(4), np.ones(4))
    assert len(spectra) == 1
    assert spectra.wave.shape == (1, 4)
    assert spectra.ids == ("0",)


@pytest.mark.parametrize(("given", "kept"), [(">f4", np.float32), (">f8", np.float64), ("i4", np.float64)])
def test_float32_stays_float32(given, kept):
    spectra = Spectra(WAVE, np.ones(4, dtype=given), np.ones(4, dtype=given))
    assert spectra.flux.dtype == spectra.ivar.dtype == kept
    assert spectra.wave.dtype == np.float64


@pytest.mark.parametrize("wave", [WAVE[::-1], WAVE * 0, WAVE * np.nan, np.array([1.0, 2, 2, 3])])
def test_a_wrong_wavelength_names_the_spectrum(wave):
    two = np.stack([WAVE, wave])
    with pytest.raises(ValueError, match=r"spectrum 'bad'.*strictly increasing"):
        Spectra(two, np.ones((2, 4)), np.ones((2, 4)), ids=["good", "bad"])


@pytest.mark.parametrize(
    ("wave", "flux", "ivar", "message"),
    [
        (WAVE, np.ones((2, 4)), np.ones((2, 3)), "one shape"),
        (WAVE[:3], np.ones((2, 4)), np.ones((2, 4)), "wave has shape"),
        (WAVE[:0], np.ones((2, 0)), np.ones((2, 0)), "one shape"),
    ],
)
def test_shapes_that_disagree_raise(wave, flux, ivar, message):
    with pytest.raises(ValueError, match=message):
        Spectra(wave, flux, ivar)


def test_ids_meta_and_resolution_must_fit():
    with pytest.raises(ValueError, match="1 ids for 2"):
        Spectra(WAVE, np.ones((2, 4)), np.ones((2, 4)), ids=["a"])
    with pytest.raises(ValueError, match="'RA' has 3 values for 2"):
        Spectra(WAVE, np.ones((2, 4)), np.ones((2, 4)), meta={"RA": np.zeros(3)})
    with pytest.raises(ValueError, match="needs \\(spec, diag, pix\\)"):
        Spectra(WAVE, np.ones((2, 4)), np.ones((2, 4)), resolution=np.ones((2, 3, 5)))


def test_rows_can_be_taken_by_slice_list_and_mask():
    spectra = Spectra(WAVE, np.arange(12.0).reshape(3, 4), np.ones((3, 4)), ids="abc", meta={"N": np.arange(3)})
    for rows in (slice(1, 3), [1, 2], np.array([False, True, True])):
        part = spectra[rows]
        assert part.ids == ("b", "c")
        np.testing.assert_array_equal(part.flux, spectra.flux[1:])
        np.testing.assert_array_equal(part.meta["N"], [1, 2])


def test_concatenate_keeps_every_pixel_and_fills_what_is_missing():
    short = Spectra(WAVE[:3], np.ones(3), np.ones(3), ids=["short"], meta={"RA": np.array([1.5])})
    bands = np.ones((1, 3, 4))
    long = Spectra(WAVE, np.ones(4), np.ones(4), ids=["long"], resolution=bands, meta={"FILE": np.array(["x"])})
    both = Spectra.concatenate([short, long])
    assert both.ids == ("short", "long")
    np.testing.assert_array_equal(both.npixels, [3, 4])
    np.testing.assert_array_equal(both.wave[0], WAVE)
    np.testing.assert_array_equal(both.meta["FILE"], ["", "x"])
    assert np.isnan(both.meta["RA"][1])
    np.testing.assert_array_equal(both.resolution[0, :, :3], [[0] * 3, [1] * 3, [0] * 3])
    with pytest.raises(ValueError, match="at least one"):
        Spectra.concatenate([])


def test_gaps_are_filled_with_pixels_without_data():
    full = np.arange(5000.0, 5100.0, 1.25)
    left_out = np.ones(len(full), dtype=bool)
    left_out[[20, *range(40, 60)]] = False
    wave, flux, ivar = fill_gaps(full[left_out], np.ones((2, left_out.sum())), np.ones((2, left_out.sum())))
    np.testing.assert_allclose(wave, np.delete(full, range(41, 59)))
    np.testing.assert_array_equal(ivar[1] > 0, np.delete(left_out, range(41, 59)))
    np.testing.assert_array_equal(flux, ivar)
    for regular in (full, np.geomspace(3500, 10000, 4000)):
        np.testing.assert_array_equal(fill_gaps(regular, regular, regular)[0], regular)


def test_gaps_without_data_on_both_sides_are_left() -> None:
    wave = np.delete(np.arange(5000.0, 5020.0), range(8, 14))
    filled = fill_gaps(wave, np.ones(14), np.ones(14))
    assert len(filled[0]) == 16
    np.testing.assert_array_equal(fill_gaps(*filled)[0], filled[0])


def test_an_empty_list_gives_no_spectra():
    assert len(Spectra(WAVE, np.ones((2, 4)), np.ones((2, 4)))[[]]) == 0


def test_columns_that_differ_between_parts_are_all_kept():
    parts = [
        {"X": np.ones((2, 3)), "KIND": np.array([1, 2]), "ONLY": np.array([True, False]), "WIDE": np.zeros(2)},
        {"X": np.full((1, 5), 2.0), "KIND": np.array(["a"]), "WIDE": np.zeros((1, 2, 2), int)},
    ]
    joined = concatenate_meta(parts, [2, 1])
    np.testing.assert_array_equal(joined["X"][0], [1, 1, 1, np.nan, np.nan])
    np.testing.assert_array_equal(joined["X"][2], 2)
    assert joined["KIND"].tolist() == ["1", "2", "a"]
    assert joined["ONLY"].tolist() == [True, False, False]
    assert joined["WIDE"].shape == (3, 2, 2)
    np.testing.assert_array_equal(joined["WIDE"][0], [[0, np.nan], [np.nan, np.nan]])
