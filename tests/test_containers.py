"""Containers are indexed, joined and looked at as Python's are; what is no index, or another kind, is said by name."""

import dataclasses

import numpy as np
import pytest

import jaxz
from jaxz import ErrorModel, Spectra
from jaxz.arguments import check_types
from jaxz.display import SHOWN, curve_svg
from jaxz.io import exchange
from jaxz.models import Trials
from jaxz.posterior import Density
from jaxz.rows import row_of, rows_of
from tests import made, small

TRIALS = Trials(0, 200, 5e-5)
IDS = ("a", "b", "c", "b")


@pytest.fixture(scope="module")
def spectra():
    return Spectra(np.arange(5000.0, 5010.0), np.arange(40.0).reshape(4, 10), np.ones((4, 10)), ids=IDS)


@pytest.fixture(scope="module")
def containers(spectra):
    """All three, of four spectra with the same names."""
    chi2 = 100 + np.abs(np.arange(200) - np.array([[20], [50], [80], [120]]))
    return spectra, made.zscan(chi2, TRIALS, ids=IDS), made.redshifts([0.1, 0.2, 0.3, np.nan], ids=IDS)


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (0, [0]),
        (-1, [3]),
        (np.int64(2), [2]),
        (slice(1, 3), [1, 2]),
        ([2, 0], [2, 0]),
        ([], []),
        (np.array([True, False, False, True]), [0, 3]),
        ([False, True, False, False], [1]),
        ("c", [2]),
        ("b", [1, 3]),
        (["c", "a"], [2, 0]),
    ],
)
def test_every_kind_of_index(containers, index, rows):
    for whole in containers:
        some = whole[index]
        assert type(some) is type(whole)
        assert some.ids == tuple(IDS[row] for row in rows)
    np.testing.assert_array_equal(containers[0][index].flux[:, 0], 10.0 * np.array(rows))


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (4, IndexError, "no number 4 among 4"),
        ([0, -5], IndexError, "no number -5"),
        (np.array([True]), IndexError, "a mask of 1 for 4"),
        ("z", KeyError, "no 'z' among 4"),
        (1.5, TypeError, "not by float 1.5"),
        (None, TypeError, "not by NoneType"),
        (np.zeros((2, 2), int), TypeError, "not by ndarray"),
    ],
)
def test_what_is_no_index(index, error, message):
    with pytest.raises(error, match=message):
        rows_of(index, IDS, what="spectra")


def test_one_is_one():
    assert row_of("c", IDS, what="spectra") == 2
    with pytest.raises(ValueError, match="'b' means 2 of the spectra"):
        row_of("b", IDS, what="spectra")


def test_they_are_iterated_and_joined(containers):
    for whole in containers:
        ones = list(whole)
        assert [one.ids for one in ones] == [(name,) for name in IDS]
        assert (ones[0] + ones[2]).ids == ("a", "c")
        with pytest.raises(TypeError):
            _ = whole + 1


def test_they_show_what_is_in_them(containers):
    for whole, shown in zip(containers, ("5009", "0.00231", "0.30000"), strict=True):
        assert repr(whole).count("\n") == 5
        assert shown in repr(whole)
        assert whole._repr_html_().count("<tr>") == 5
        assert shown in whole._repr_html_()
        assert whole[[]].ids == ()
        assert "0" in repr(whole[[]])
    assert "<svg" in containers[0]._repr_html_()
    assert "<svg" in containers[1]._repr_html_()


def test_text_of_files_is_escaped_and_many_rows_are_cut():
    many = made.redshifts(np.linspace(0, 1, 50), ids=tuple(f"<b>{row}" for row in range(50)))
    page = many._repr_html_()
    assert "<b>" not in page
    assert page.count("<tr>") == 1 + SHOWN + 1
    assert repr(many).count("\n") == 1 + SHOWN + 1
    assert len(repr(many).splitlines()) < 15


def test_narrow_minima_are_seen():
    curve = np.ones(10_000)
    curve[5000] = 0
    assert f",{31:.1f} " in curve_svg(curve, lowest=True)
    assert curve_svg(np.full(5, np.nan)) == ""


def test_tables_keep_all(containers, spectra):
    again = Spectra.from_table(spectra.to_table())
    np.testing.assert_array_equal(again.flux, spectra.flux)
    assert again.ids == spectra.ids
    frame = containers[2].to_pandas()
    assert list(frame["ID"]) == list(IDS)
    np.testing.assert_array_equal(frame["ZALT_0"], containers[2].z)
    assert exchange.to_pandas(containers[2].to_table()).shape == frame.shape


def test_pz_has_quantiles(containers):
    density = containers[1].pz("a")
    assert density.probability.sum() == pytest.approx(1)
    low, middle, high = density.quantiles([0.16, 0.5, 0.84])
    assert low < middle < high
    assert middle == pytest.approx(TRIALS.z[20], abs=1e-4)
    even = Density(np.linspace(0, 1, 11), np.full(11, 1 / 11))
    assert even.quantiles(0.5) == pytest.approx(0.5)


def test_the_model_is_that_of_the_spectrum():
    given, _ = small.spectra(np.random.default_rng(4), [0.1, 0.2], [10.0, 10.0])
    scan = jaxz.nmf_scan(given, small.basis(), zmin=small.ZMIN, zmax=small.ZMAX)
    best = jaxz.find_redshifts(scan, given)
    flux = best.model("s1", given)
    chi2 = np.sum(given.ivar[1] * (given.flux[1] - flux) ** 2)
    assert chi2 == pytest.approx(best.chi2[1], rel=1e-6)
    # Whatever the order, and whichever are there: spectra are known by name and contents.
    for row, redshifts, some in ((0, best[1], given[1]), (0, best[1], given), (-1, best, given[[1, 0]])):
        np.testing.assert_array_equal(redshifts.model(row, some), flux)
        assert redshifts.plot(row, some, scan=scan).get_suptitle().startswith("s1")
    with pytest.raises(ValueError, match="none of the 1 that were given is 's0': give what was measured"):
        best.model(0, given[1])
    with pytest.raises(ValueError, match="'s0' is not the one that was measured"):
        best.model(0, dataclasses.replace(given, flux=2 * given.flux))


def test_names_are_in_them(containers):
    for one in containers:
        assert "b" in one
        assert "x" not in one
        assert 0 not in one


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: jaxz.redshifts(s, classes="galaxy"), ValueError, r"classes='galaxy': give a list of names"),
        (lambda s: jaxz.redshifts(s, zmin=3.0, zmax=1.0), ValueError, r"zmin=3.0 and zmax=1.0: zmin must be below"),
        (lambda s: made.zscan(np.ones((1, 200)), TRIALS).pz(0, temperature=-1.0), ValueError, "above 0"),
        (lambda s: Density(np.linspace(0, 1, 11), np.full(11, 1 / 11)).quantiles(1.5), ValueError, "between 0 and 1"),
    ],
)
def test_impossible_values_are_refused(spectra, call, error, message):
    with pytest.raises(error, match=message):
        call(spectra)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"spectra": (1.0, Spectra)}, "spectra must be a Spectra, is a float"),
        ({"spectra": (np.ones(3), Spectra)}, r"make Spectra\(wave, flux, ivar\) of arrays"),
        ({"spectra": ([], Spectra)}, r"Spectra.concatenate\(list\)"),
        ({"spectra": ("file.fits", Spectra)}, r"jaxz.io.read\(path\)"),
        ({"model": (small.basis(), jaxz.NonNegative)}, "model must be a NonNegative, is a Basis"),
    ],
)
def test_foreign_arguments(given, message):
    with pytest.raises(TypeError, match=message):
        check_types("scan(spectra, model)", **given)


def test_swapped_arguments(spectra):
    with pytest.raises(TypeError, match="spectra and basis are swapped"):
        check_types("f(spectra, basis)", spectra=(small.basis(), Spectra), basis=(spectra, jaxz.Basis))


def test_a_source_is_the_more_probable_the_more_it_improves_the_fit():
    gain = np.array([0.0, 5.0, 23.6, 100.0, 1000.0, np.nan])
    model = dataclasses.replace(made.model(), error=ErrorModel())
    found = made.redshifts(np.full(6, 0.5), chi2=1000 - gain, models=(model,))
    assert np.all(np.diff(found.preal[:5])[1:] > 0)
    assert found.preal[2] == pytest.approx(0.5, abs=0.01)
    assert found.preal[4] > 0.999
    assert np.isnan(found.preal[5])
    assert "PREAL" in found.to_table().colnames
    plain = made.redshifts(np.full(6, 0.5), chi2=1000 - gain)
    assert np.isnan(plain.preal).all()
    assert "PREAL" not in plain.to_table().colnames
