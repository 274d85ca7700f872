from importlib import resources
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import jax
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given

from jaxz import Basis, LogGrid, io


def write_template(path: Path, vectors: np.ndarray, **cards: Any) -> Path:
    hdu = fits.PrimaryHDU(vectors)
    hdu.header["EXTNAME"] = "BASIS_VECTORS"
    for name, value in cards.items():
        hdu.header[name] = value
    hdu.writeto(path, overwrite=True)
    return path


def averaged(edges: np.ndarray, vectors: np.ndarray, grid: LogGrid) -> np.ndarray:
    """Return the mean of piecewise constant vectors over each lattice pixel: a sum over pieces that both grids cut."""
    lattice = 10 ** ((grid.start + np.arange(grid.size + 1) - 0.5) * grid.step)
    cuts = np.union1d(edges, lattice)
    middle, length = (cuts[1:] + cuts[:-1]) / 2, np.diff(cuts)
    source, target = np.searchsorted(edges, middle) - 1, np.searchsorted(lattice, middle) - 1
    inside = (source >= 0) & (source < vectors.shape[1]) & (target >= 0) & (target < grid.size)
    source, target, length = source[inside], target[inside], length[inside]
    return np.array([np.bincount(target, row[source] * length, grid.size) for row in vectors]) / np.diff(lattice)


@given(
    start=st.integers(20000, 90000),
    step=st.sampled_from([5e-5, 2.2155e-5, 1e-4]),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 30)),
    wide=st.booleans(),
    method=st.sampled_from(["NMF", "PCA"]),
    igm=st.sampled_from(["None", "Calura12", "Kamble20", "Inoue14"]),
    zrange=st.lists(st.floats(-0.01, 7.0), min_size=2, max_size=2).map(sorted).map(tuple),
)
def test_write_then_read_is_identical(
    tmp_path_factory: Any, start: int, step: float, shape: Any, wide: bool, method: Any, igm: str, zrange: Any
) -> None:
    low = 1e-9 if method == "NMF" else -1.0
    vectors = np.random.default_rng(start).uniform(low, 1, shape).astype(np.float64 if wide else np.float32)
    about = {"name": "LEARNED", "version": "1.2", "spectype": "QSO", "method": method, "igm": igm, "zrange": zrange}
    basis = Basis(vectors, LogGrid(start, shape[1], step), **about)
    path = tmp_path_factory.mktemp("basis") / "b.fits"
    io.write_basis(basis, path)
    read = io.read_basis(path)
    assert jax.tree.structure(read) == jax.tree.structure(basis)
    np.testing.assert_array_equal(read.vectors, vectors)
    assert read.vectors.dtype == vectors.dtype
    assert read.sha256 == basis.sha256


def test_the_layout_is_redrocks(tmp_path: Path) -> None:
    basis = Basis(np.ones((2, 9)), LogGrid(60000, 9), name="X", version="3")
    io.write_basis(basis, tmp_path / "b.fits")
    with fits.open(tmp_path / "b.fits") as hdus:
        assert [hdu.name for hdu in hdus] == ["BASIS_VECTORS", "REDSHIFTS"]
        header = hdus["BASIS_VECTORS"].header
        assert hdus["BASIS_VECTORS"].data.shape == (2, 9)
        assert header["CRVAL1"] + header["CDELT1"] * 4 == pytest.approx(np.log10(basis.grid.wave[4]), abs=1e-12)
        assert (header["LOGLAM"], header["RRTYPE"], header["RRSUBTYP"], header["VERSION"]) == (1, "GALAXY", "X", "3")
        assert (header["RRMETHOD"], header["RRIGM"]) == ("NMF", "None")
        redshifts = hdus["REDSHIFTS"].data
    assert redshifts[0] == 0
    assert 6.69 < redshifts[-1] < 6.7001
    with pytest.raises(io.FileError, match="exists already"):
        io.write_basis(basis, tmp_path / "b.fits")
    io.write_basis(basis, tmp_path / "b.fits", redshifts=np.array([0.1, 0.2]), overwrite=True)
    assert fits.getdata(tmp_path / "b.fits", "REDSHIFTS").tolist() == [0.1, 0.2]
    assert io.read_basis(tmp_path / "b.fits").zrange == (0.1, 0.2)


def test_redshifts_are_written_in_even_steps_of_two_lattice_pixels_at_most(tmp_path: Path) -> None:
    basis = Basis(np.ones((1, 9)), LogGrid(60000, 9), zrange=(-0.002, 0.002))
    io.write_basis(basis, tmp_path / "b.fits")
    steps = np.diff(np.log10(1 + fits.getdata(tmp_path / "b.fits", "REDSHIFTS")))
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)
    assert 0.9e-4 < steps[0] <= 1e-4


@pytest.mark.parametrize(
    ("vectors", "stated", "method"),
    [
        ([[1.0, 0, 2]], None, "NMF"),
        ([[1.0, -1e-9, 2]], None, "PCA"),
        ([[1.0, -1e-9, 2]], " ", "PCA"),
        ([[1.0, 0, 2]], "PCA", "PCA"),
        ([[1.0, -1, 2]], "pca", "PCA"),
        ([[1.0, 0, 2]], "NMF", "NMF"),
    ],
)
def test_the_method_is_the_stated_one_or_that_of_the_values(
    tmp_path: Path, vectors: Any, stated: str | None, method: str
) -> None:
    cards = {} if stated is None else {"RRMETHOD": stated}
    path = write_template(tmp_path / "b.fits", np.array(vectors), CRVAL1=3.5, CDELT1=5e-5, LOGLAM=1, **cards)
    assert io.read_basis(path).method == method


def test_what_a_header_does_not_say(tmp_path: Path) -> None:
    path = write_template(tmp_path / "b.fits", np.ones((1, 5)), CRVAL1=3.5, CDELT1=5e-5, LOGLAM=1, RRSUBTYP=None)
    basis = io.read_basis(path)
    assert (basis.name, basis.version, basis.spectype) == ("", "0", "GALAXY")
    assert (basis.igm, basis.zrange) == ("None", None)


@pytest.mark.parametrize("named", [True, False])
def test_vectors_in_an_extension_or_in_a_primary_without_a_name(tmp_path: Path, named: bool) -> None:
    image = fits.ImageHDU(np.ones((1, 5)), name="BASIS_VECTORS") if named else fits.PrimaryHDU(np.ones((1, 5)))
    image.header.update(CRVAL1=3.5, CDELT1=5e-5, LOGLAM=1, RRTYPE="STAR")
    fits.HDUList([fits.PrimaryHDU(), image] if named else [image]).writeto(tmp_path / "b.fits")
    basis = io.read_basis(tmp_path / "b.fits")
    assert (basis.grid, basis.spectype) == (LogGrid(70000, 5), "STAR")


def test_a_reference_pixel_other_than_the_first(tmp_path: Path) -> None:
    path = write_template(tmp_path / "b.fits", np.ones((1, 5)), CRVAL1=3.5, CDELT1=5e-5, CRPIX1=3, LOGLAM=1)
    assert io.read_basis(path).grid == LogGrid(69998, 5)


@pytest.mark.parametrize("offset", [0.0, 9e-4, -9e-4])
def test_vectors_on_the_lattice_are_taken_as_they_are(tmp_path: Path, rng: np.random.Generator, offset: float) -> None:
    vectors = rng.uniform(0, 1, (3, 50))
    path = write_template(tmp_path / "b.fits", vectors, CRVAL1=3.5 + offset * 5e-5, CDELT1=5e-5, LOGLAM=1)
    basis = io.read_basis(path)
    assert basis.grid == LogGrid(70000, 50)
    np.testing.assert_array_equal(basis.vectors, vectors)


def test_vectors_between_lattice_pixels_are_averaged(tmp_path: Path, rng: np.random.Generator) -> None:
    vectors = rng.uniform(0, 1, (2, 40))
    start, step = 3.5 + 0.3e-4, 1e-4
    basis = io.read_basis(write_template(tmp_path / "b.fits", vectors, CRVAL1=start, CDELT1=step, LOGLAM=1))
    assert basis.grid == LogGrid(35001, 39, step)
    edges = 10 ** (start + (np.arange(41) - 0.5) * step)
    np.testing.assert_allclose(basis.vectors, averaged(edges, vectors, basis.grid), rtol=1e-9)


@pytest.mark.parametrize("step", [0.1, 2.0])
def test_vectors_sampled_in_wavelength_are_averaged(tmp_path: Path, rng: np.random.Generator, step: float) -> None:
    """Finer and coarser than the lattice pixels of about 0.58 Å."""
    size = 200 if step < 1 else 20
    vectors = rng.uniform(0, 1, (2, size)).astype(np.float32)
    basis = io.read_basis(write_template(tmp_path / "b.fits", vectors, CRVAL1=5000.0, CDELT1=step))
    edges = 5000.0 + (np.arange(size + 1) - 0.5) * step
    assert basis.grid.step == 5e-5
    assert basis.vectors.dtype == np.float32
    low, high = 10 ** ((basis.grid.start - 0.5) * 5e-5), 10 ** ((basis.grid.start + basis.grid.size - 0.5) * 5e-5)
    assert edges[0] <= low < edges[0] + 0.6
    assert edges[-1] - 0.6 < high <= edges[-1]
    np.testing.assert_allclose(basis.vectors, averaged(edges, vectors.astype(float), basis.grid), rtol=1e-6)


@pytest.mark.parametrize(
    ("vectors", "cards", "message"),
    [
        (-np.ones((1, 5)), {"RRMETHOD": "NMF"}, "negative values, but RRMETHOD is NMF: set it to PCA"),
        (
            np.where(np.arange(50) == 25, -1e-9, 1)[None],
            {"RRMETHOD": "NMF", "LOGLAM": 0, "CRVAL1": 5000.0, "CDELT1": 0.1},
            "negative values, but RRMETHOD is NMF",
        ),
        (np.ones((1, 5)), {"RRMETHOD": "ARCHETYPE"}, "RRMETHOD is ARCHETYPE: it needs NMF or PCA"),
        (np.full((1, 5), -np.inf), {}, "non-finite"),
        (np.full((1, 5), np.nan), {"RRMETHOD": "NMF"}, "non-finite"),
        (np.full((1, 50), np.inf), {"LOGLAM": 0, "CRVAL1": 5000.0, "CDELT1": 0.1}, "non-finite"),
        (np.array([[1.0, np.inf, -np.inf, 1, 1]]), {"CRVAL1": 3.50001}, "non-finite"),
        (np.eye(2, 5) * [[1], [0]], {}, "has an empty vector"),
        (np.ones(5), {}, r"has shape \(5,\); it needs \(basis, rest\)"),
        (np.ones((1, 5)), {"CDELT1": -5e-5}, "no wavelengths: the header needs CRVAL1 and CDELT1"),
        (np.ones((1, 5)), {"CRVAL1": "blue"}, "no wavelengths"),
        (np.ones((1, 5)), {"LOGLAM": 0, "CRVAL1": -1.0, "CDELT1": 0.1}, "wavelengths must be positive"),
        (np.ones((1, 5)), {"LOGLAM": 0, "CRVAL1": 5000.0, "CDELT1": 1e-3}, "cover no whole lattice pixel"),
    ],
)
def test_bad_bases_are_refused(tmp_path: Path, vectors: np.ndarray, cards: dict[str, Any], message: str) -> None:
    path = write_template(tmp_path / "b.fits", vectors, **{"CRVAL1": 3.5, "CDELT1": 5e-5, "LOGLAM": 1, **cards})
    with pytest.raises(io.FileError, match=message) as caught:
        io.read_basis(path)
    assert str(path) in str(caught.value)


def test_what_is_no_basis_file_is_refused(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.zeros((2, 2))).writeto(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match=r"not a basis file: no image BASIS_VECTORS .it holds PRIMARY .image 2 x 2"):
        io.read_basis(tmp_path / "x.fits")


def test_a_table_is_no_image_of_vectors(tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("X", "D", array=np.ones(3))], name="BASIS_VECTORS")
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match=r"x\.fits: not a basis file: no image BASIS_VECTORS .*table of X"):
        io.read_basis(tmp_path / "x.fits")


@pytest.mark.parametrize("keyword", ["EXTNAME", "RRTYPE", "RRSUBTYP", "RRMETHOD", "RRIGM", "CRVAL1", "LOGLAM"])
def test_a_damaged_card_is_refused(tmp_path: Path, keyword: str) -> None:
    io.write_basis(Basis(np.ones((1, 5)), LogGrid(70000, 5)), tmp_path / "x.fits")
    whole = (tmp_path / "x.fits").read_bytes()
    at = whole.index(f"{keyword:8}= ".encode())
    (tmp_path / "x.fits").write_bytes(whole[:at] + f"{keyword:8}= 'open".ljust(80).encode() + whole[at + 80 :])
    with pytest.raises(io.FileError, match=r"x\.fits: truncated or damaged \(VerifyError: Unparsable card"):
        io.read_basis(tmp_path / "x.fits")


@pytest.mark.parametrize(
    ("redshifts", "message"),
    [
        (None, r"x\.fits\[REDSHIFTS\]: holds no redshifts"),
        (np.zeros(0), r"x\.fits\[REDSHIFTS\]: holds no redshifts"),
        (np.array([0.1, np.nan]), r"x\.fits: basis '': zrange=\(nan, nan\)"),
        (np.array([-2.0, 1.0]), r"x\.fits: basis '': zrange=\(-2.0, 1.0\)"),
    ],
)
def test_bad_redshifts_are_refused(tmp_path: Path, redshifts: np.ndarray | None, message: str) -> None:
    image = fits.PrimaryHDU(np.ones((1, 5)))
    image.header.update(EXTNAME="BASIS_VECTORS", CRVAL1=3.5, CDELT1=5e-5, LOGLAM=1)
    fits.HDUList([image, fits.ImageHDU(redshifts, name="REDSHIFTS")]).writeto(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match=message):
        io.read_basis(tmp_path / "x.fits")


STAR = ("STAR", 5, np.float32, None)
REDROCK = {
    "rrtemplate-QSO-HIZ-v1.1": ("QSO", 4, np.float64, (1.4, 6.99303)),
    "rrtemplate-QSO-LOZ-v1.1": ("QSO", 4, np.float64, (0.05, 1.5983)),
    "rrtemplate-galaxy_old": ("GALAXY", 5, np.float64, None),
    "redrock/rrtemplate-QSO-None-v0.1": ("QSO", 4, np.float32, None),
    "redrock/rrtemplate-qso6vec": ("QSO", 6, np.float64, (1.6167, 2.32343)),
    "redrock/rrtemplate-STAR-CV-v0.1": ("STAR", 3, np.float32, None),
    **{f"redrock/rrtemplate-STAR-{subtype}-v0.1": STAR for subtype in ("A", "B", "F", "G", "K", "M", "WD")},
}
"""Spectype, number of vectors, float type and range of redshifts of each template file of Redrock."""


@pytest.mark.parametrize("name", REDROCK)
def test_templates_of_redrock(data: Path, name: str) -> None:
    path = data / "templates" / f"{name}.fits"
    if not path.is_file():
        pytest.skip(f"no file {path}")
    spectype, count, dtype, zrange = REDROCK[name]
    basis = io.read_basis(path)
    parts = name.split("-")
    subtype = parts[2] if len(parts) == 4 and parts[2] != "None" else ""
    assert (basis.spectype, basis.name, basis.method, basis.igm) == (spectype, subtype, "PCA", "None")
    assert (len(basis), basis.vectors.dtype) == (count, dtype)
    assert basis.zrange == (None if zrange is None else pytest.approx(zrange, abs=1e-5))
    with fits.open(path) as hdus:
        header, vectors = hdus[0].header, hdus[0].data.astype(np.float64)
    start, step = header["CRVAL1"], header["CDELT1"]
    if header.get("LOGLAM"):
        assert basis.grid == LogGrid(round(start / step), vectors.shape[1], step)
        np.testing.assert_array_equal(basis.vectors, vectors)
        return
    edges = start + (np.arange(vectors.shape[1] + 1) - 0.5) * step
    low, high = 10 ** ((basis.grid.start + np.array([0, basis.grid.size]) - 0.5) * 5e-5)
    assert basis.grid.step == 5e-5
    assert edges[0] <= low < edges[0] * 10**5e-5
    assert edges[-1] / 10**5e-5 < high <= edges[-1]
    scale = np.abs(vectors).max()
    np.testing.assert_allclose(basis.vectors, averaged(edges, vectors, basis.grid), rtol=1e-5, atol=1e-7 * scale)


def test_every_template_of_redrock_is_in_the_table(data: Path) -> None:
    folder = data / "templates"
    found = {str(path.relative_to(folder))[: -len(".fits")] for path in folder.rglob("rrtemplate-*.fits")}
    assert found <= set(REDROCK)


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    assert "galaxy" in io.basis_names()
    with pytest.raises(io.FileError, match=r"nope: no such basis file or basis; known bases: .*galaxy"):
        io.load_basis("nope")
    with pytest.raises(io.FileError, match="known bases"):
        io.load_basis(tmp_path / "missing.fits")


def test_a_basis_is_loaded_by_name_by_path_and_by_default(tmp_path: Path) -> None:
    shipped = io.load_basis()
    io.write_basis(shipped, tmp_path / "b.fits")
    assert io.load_basis("galaxy").sha256 == io.load_basis(tmp_path / "b.fits").sha256 == shipped.sha256
    assert io.load_basis(str(tmp_path / "b.fits")).name == "galaxy"


def test_the_shipped_basis_says_where_it_comes_from() -> None:
    with resources.as_file(resources.files("jaxz") / "data" / "basis-galaxy.fits") as path:
        assert path.stat().st_size < 3e6
        header = fits.getheader(path, "BASIS_VECTORS")
    assert header["SPECTRA"] == 1114
    assert header["START"].startswith("galaxy 1, SHA-256")
    assert {"SOURCES", "FLOOR", "NFINAL", "SEED", "JAXZVER"} <= set(header)


@pytest.mark.parametrize("line", [1216.0, 3728.5, 4862.7, 5008.2, 6564.6])
def test_the_shipped_basis_has_the_strong_lines(line: float) -> None:
    """Some vector is three times brighter at the line than 30 Å beside it."""
    basis = io.load_basis()
    near = np.abs(basis.grid.wave - line) < 4
    beside = np.abs(np.abs(basis.grid.wave - line) - 30) < 4
    contrast = basis.vectors[:, near].max(axis=1) / np.maximum(np.median(basis.vectors[:, beside], axis=1), 1e-3)
    assert contrast.max() > 3


@pytest.mark.parametrize(
    ("name", "spectype", "size", "ends", "alike"),
    [
        ("galaxy", "GALAXY", 12, (640, 11200), 0.95),
        ("continuum", "GALAXY", 12, (640, 11200), 0.99),
        ("star", "STAR", 9, (2900, 11900), 0.97),
        ("qso", "QSO", 12, (761, 8772), 0.97),
    ],
)
def test_shipped_bases(name: str, spectype: str, size: int, ends: tuple[float, float], alike: float) -> None:
    """Each is what it is named for, known at both ends, of mean about 1, and has no vector twice: cosines are lower."""
    basis = io.load_basis(name)
    vectors = np.asarray(basis.vectors)
    assert (basis.name, basis.spectype, basis.method, len(basis)) == (name, spectype, "NMF", size)
    assert vectors.dtype == np.float32
    assert basis.zrange is not None
    np.testing.assert_allclose(basis.grid.wave[[0, -1]], ends, rtol=1e-3)
    assert np.all(np.isfinite(vectors))
    assert np.all(vectors >= 0)
    assert np.all(vectors.max(axis=0)[[0, -1]] > 0)
    np.testing.assert_allclose(vectors.mean(axis=1), 1, atol=0.15)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert np.max(unit @ unit.T - np.eye(size)) < alike


@pytest.mark.parametrize(
    ("line", "most"), [(1907.7, 1.1), (3728.5, 1.3), (4862.7, 1.05), (5008.2, 1.1), (6564.6, 1.05)]
)
def test_continua_have_no_lines_of_gas(line: float, most: float) -> None:
    """No mixture stands out at a line. [O II] lies between H13 and H14, where stars of type A do: it has more room."""
    basis = io.load_basis("continuum")
    near = np.abs(basis.grid.wave - line) < 4
    beside = np.abs(np.abs(basis.grid.wave - line) - 30) < 4
    mixtures = np.random.default_rng(1).exponential(size=(300, len(basis))) @ np.asarray(basis.vectors, float)
    contrast = mixtures[:, near].max(axis=1) / np.median(mixtures[:, beside], axis=1)
    assert contrast.max() < most


def test_every_basis_in_the_package_is_tested() -> None:
    assert io.basis_names() == ["continuum", "galaxy", "qso", "star"]


@pytest.mark.parametrize("end", [2600.0, 3321.0, 4200.0, 5000.0, 9000.0, 9302.5, 10000.0])
def test_galaxies_have_no_steps_where_populations_and_samples_end(end: float) -> None:
    basis = io.load_basis("galaxy")
    wave, vectors = basis.grid.wave / end, np.asarray(basis.vectors, dtype=np.float64)
    before, after = ((low < wave) & (wave < low + 0.012) for low in (0.985, 1.003))
    levels = [np.median(vectors[:, side], axis=1) + 0.05 for side in (before, after)]
    assert np.abs(np.log(levels[1] / levels[0])).max() < 0.25


def test_galaxies_have_no_noise_in_the_red() -> None:
    """Beyond 9400 Å few pixels are off the mean of their surroundings."""
    basis = io.load_basis("galaxy")
    red, width = np.asarray(basis.vectors, dtype=np.float64)[:, basis.grid.wave > 9400], 81
    mean = np.apply_along_axis(np.convolve, 1, red, np.ones(width) / width, "valid")
    scatter = np.median(np.abs(red[:, width // 2 : -(width // 2)] - mean), axis=1) / np.maximum(mean.mean(axis=1), 0.05)
    assert scatter.max() < 0.04
