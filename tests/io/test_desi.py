"""DESI files: cameras, exposures, fibres and flags; and every way in which a file can be wrong."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import ZWarn, io
from jaxz.spectra import Spectra
from tests.io.conftest import matrix_of

Images = dict[str, np.ndarray]
Make = Callable[..., Images]
Write = Callable[..., Path]

IDS = np.array([39633345008634465, -1695072, 616088619186127404], dtype=np.int64)


def fibermap(count: int = 3, **columns: object) -> Table:
    known = {
        "TARGETID": np.resize(IDS, count),
        "OBJTYPE": ["TGT"] * count,
        "COADD_FIBERSTATUS": np.zeros(count, dtype=np.int32),
        "TARGET_RA": np.linspace(10, 20, count),
        "TARGET_DEC": np.linspace(-5, 5, count),
    }
    return Table({name: column for name, column in {**known, **columns}.items() if column is not None})


def exposures(targetid: list[int], **columns: object) -> Table:
    """Return the FIBERMAP of a file of single exposures."""
    count = len(targetid)
    known = {
        "TARGETID": np.array(targetid, dtype=np.int64),
        "OBJTYPE": ["TGT"] * count,
        "FIBERSTATUS": np.zeros(count, dtype=np.int32),
        "EXPID": np.arange(count, dtype=np.int32),
        "EBV": np.where(np.array(targetid) == 7, np.nan, np.array(targetid) / 10),
    }
    return Table({**known, **columns})


@pytest.fixture
def coadd(tmp_path: Path, desi_images: Make, write_desi: Write) -> Path:
    return write_desi(tmp_path / "coadd-x.fits", desi_images(3), fibermap())


def test_one_row_for_each_target(coadd: Path) -> None:
    spectra = io.read(coadd)
    assert spectra.ids == tuple(str(number) for number in IDS)
    assert spectra.flux.shape == (3, 160)
    assert spectra.flux.dtype == spectra.resolution.dtype == np.float32
    assert spectra.resolution.shape == (3, 5, 160)
    np.testing.assert_allclose(spectra.wave[1], 3600 + 0.8 * np.arange(160), rtol=1e-12)
    assert spectra.npixels.tolist() == [160] * 3
    assert spectra.meta["TARGETID"].dtype == np.int64
    np.testing.assert_array_equal(spectra.meta["TARGETID"], IDS)
    np.testing.assert_array_equal(spectra.meta["RA"], [10, 15, 20])
    assert list(spectra.meta["FIBERMAP.OBJTYPE"]) == ["TGT"] * 3
    assert list(spectra.meta["FILE"]) == [str(coadd)] * 3


def test_overlaps_are_combined_by_inverse_variance(tmp_path: Path, desi_images: Make, write_desi: Write) -> None:
    images = desi_images(2)
    spectra = io.read(write_desi(tmp_path / "x.fits", images, fibermap(2)))
    for row in range(2):
        v, w = images["B_IVAR"][row, 50:].astype(float), images["R_IVAR"][row, :10].astype(float)
        mean = (v * images["B_FLUX"][row, 50:] + w * images["R_FLUX"][row, :10]) / (v + w)
        np.testing.assert_allclose(spectra.flux[row, 50:60], mean, rtol=1e-6)
        np.testing.assert_allclose(spectra.ivar[row, 50:60], v + w, rtol=1e-6)
        np.testing.assert_array_equal(spectra.flux[row, :50], images["B_FLUX"][row, :50])
        np.testing.assert_array_equal(spectra.ivar[row, 60:100], images["R_IVAR"][row, 10:50])
        matrix = matrix_of(spectra.resolution[row])
        np.testing.assert_allclose(matrix[110:, 100:], matrix_of(images["Z_RESOLUTION"][row])[10:], rtol=1e-6)


def test_masked_pixels_have_no_data(tmp_path: Path, desi_images: Make, write_desi: Write) -> None:
    images = desi_images(3)
    images["B_MASK"][1, 7], images["R_MASK"][1, 3] = 1 << 31, 4
    images["B_MASK"][2], images["R_MASK"][2], images["Z_MASK"][2] = 256, 256, 256
    spectra = io.read(write_desi(tmp_path / "x.fits", images, fibermap()))
    assert spectra.npixels.tolist() == [160, 159, 0]
    assert spectra.flux[1, 7] == spectra.ivar[1, 7] == 0
    assert spectra.flux[1, 53] == images["B_FLUX"][1, 53]


def test_a_spectrum_whose_resolution_is_all_zero_has_no_data(
    tmp_path: Path, desi_images: Make, write_desi: Write
) -> None:
    images = desi_images(3)
    for camera in "BRZ":
        images[f"{camera}_RESOLUTION"][1] = 0
    assert io.read(write_desi(tmp_path / "x.fits", images, fibermap())).npixels.tolist() == [160, 0, 160]


def test_a_bad_spectrum_does_not_change_the_others(tmp_path: Path, desi_images: Make, write_desi: Write) -> None:
    images = desi_images(3)
    good = io.read(write_desi(tmp_path / "good.fits", images, fibermap()))
    for name in ("B_FLUX", "R_IVAR", "Z_RESOLUTION"):
        images[name][1] = np.nan
    bad = io.read(write_desi(tmp_path / "bad.fits", images, fibermap()))
    assert bad.npixels.tolist() == [160, 0, 160]
    same(bad[[0, 2]], good[[0, 2]])


def same(one: Spectra, other: Spectra) -> None:
    assert one.ids == other.ids
    for name in ("wave", "flux", "ivar", "resolution"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.meta.keys() == other.meta.keys()
    for name in one.meta.keys() - {"FILE"}:
        np.testing.assert_array_equal(one.meta[name], other.meta[name], err_msg=name)


@pytest.mark.parametrize("cameras", ["B", "BR", "BZ", "Z"])
def test_a_missing_camera(tmp_path: Path, desi_images: Make, write_desi: Write, cameras: str) -> None:
    images = {name: image for name, image in desi_images(2).items() if name[0] in cameras}
    spectra = io.read(write_desi(tmp_path / "x.fits", images, fibermap(2)))
    assert spectra.npixels.tolist() == [{"B": 60, "BR": 110, "BZ": 120, "Z": 60}[cameras]] * 2
    assert spectra.flux.shape[1] == {"B": 60, "BR": 110, "BZ": 122, "Z": 60}[cameras]


def test_one_joined_camera_and_double_precision(tmp_path: Path, desi_images: Make, write_desi: Write) -> None:
    images = desi_images(2, ndiag=7, start={"BRZ": 3600.0})
    images["BRZ_FLUX"] = images["BRZ_FLUX"].astype(np.float64)
    spectra = io.read(write_desi(tmp_path / "x.fits", images, fibermap(2)))
    assert spectra.flux.dtype == np.float64
    np.testing.assert_allclose(spectra.flux, images["BRZ_FLUX"], rtol=1e-15)
    for row in range(2):
        expected = matrix_of(images["BRZ_RESOLUTION"][row])
        np.testing.assert_allclose(matrix_of(spectra.resolution[row]), expected, rtol=1e-6)


def test_files_without_masks_and_resolution(tmp_path: Path, desi_images: Make, write_desi: Write) -> None:
    images = {name: image for name, image in desi_images(2).items() if "MASK" not in name and "RES" not in name}
    spectra = io.read(write_desi(tmp_path / "x.fits", images, fibermap(2)))
    assert spectra.resolution is None
    assert spectra.npixels.tolist() == [160, 160]


def test_rows_without_fibermap_are_named_by_their_row(tmp_path: Path, desi_images: Make, write_desi: Write) -> None:
    path = write_desi(tmp_path / "coadd-y.fits", desi_images(3), None)
    with pytest.warns(io.FileWarning, match=r"coadd-y\.fits: no extension FIBERMAP: .* add FIBERMAP with TARGETID"):
        spectra = io.read(path)
    assert spectra.ids == ("coadd-y-00000", "coadd-y-00001", "coadd-y-00002")
    assert set(spectra.meta) == {"FILE"}
    assert spectra.npixels.tolist() == [160] * 3


@pytest.mark.parametrize(
    ("columns", "bits"),
    [
        ({}, ZWarn(0)),
        ({"COADD_FIBERSTATUS": [1 << 3]}, ZWarn(0)),
        ({"OBJTYPE": ["SKY"]}, ZWarn.SKY),
        ({"OBJTYPE": ["BAD"]}, ZWarn.NODATA | ZWarn.BAD_TARGET),
        ({"OBJTYPE": [""]}, ZWarn(0)),
        ({"TARGETID": np.array([-17])}, ZWarn.BAD_TARGET),
        ({"COADD_FIBERSTATUS": [1 << 0]}, ZWarn.NODATA),
        ({"COADD_FIBERSTATUS": [1 << 2]}, ZWarn.NODATA | ZWarn.UNPLUGGED),
        ({"COADD_FIBERSTATUS": [1 << 9]}, ZWarn.NODATA),
        ({"COADD_FIBERSTATUS": [1 << 10]}, ZWarn.POORDATA),
        ({"COADD_FIBERSTATUS": [1 << 22]}, ZWarn.LITTLE_COVERAGE),
        ({"COADD_FIBERSTATUS": [1 << 24 | 1 << 10]}, ZWarn.LITTLE_COVERAGE | ZWarn.POORDATA),
        ({"COADD_FIBERSTATUS": None, "OBJTYPE": None}, ZWarn(0)),
    ],
    ids=str,
)
def test_fibres_give_warning_bits(
    tmp_path: Path, desi_images: Make, write_desi: Write, columns: dict[str, object], bits: ZWarn
) -> None:
    path = write_desi(tmp_path / "x.fits", desi_images(1), fibermap(1, **columns))
    assert ZWarn(int(io.read(path).meta["ZWARN"][0])) == bits


def test_files_without_flags_get_none_beside_files_with_flags(coadd: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("wave,flux,ivar\n4000,1,1\n4001,1,1\n")
    assert io.read([tmp_path / "a.csv", coadd]).meta["ZWARN"].tolist() == [0, 0, int(ZWarn.BAD_TARGET), 0]


@pytest.fixture
def single(tmp_path: Path, desi_images: Make, write_desi: Write) -> tuple[Path, Images]:
    """Return a file of six exposures of three targets, and its images."""
    images = desi_images(6)
    images["B_MASK"][0, 5] = 1
    return write_desi(tmp_path / "spectra-x.fits", images, exposures([8, 7, 8, 9, 7, 8])), images


def test_exposures_are_coadded_by_inverse_variance(single: tuple[Path, Images]) -> None:
    path, images = single
    spectra = io.read(path)
    assert spectra.ids == ("8", "7", "9")
    for row, several in enumerate(([0, 2, 5], [1, 4], [3])):
        ivar = np.where(images["B_MASK"][several] == 0, images["B_IVAR"][several].astype(float), 0)
        flux = np.sum(ivar * images["B_FLUX"][several], axis=0) / ivar.sum(axis=0)
        np.testing.assert_allclose(spectra.ivar[row, :50], ivar.sum(axis=0)[:50], rtol=1e-6)
        np.testing.assert_allclose(spectra.flux[row, :50], flux[:50], rtol=1e-6)
        matrices = np.array([matrix_of(images["B_RESOLUTION"][one]) for one in several])
        mean = np.einsum("ep,epq->pq", ivar, matrices) / ivar.sum(axis=0)[:, None]
        np.testing.assert_allclose(matrix_of(spectra.resolution[row])[:50, :60], mean[:50], rtol=1e-5, atol=1e-7)
    assert spectra.meta["FIBERMAP.COADD_NUMEXP"].tolist() == [3, 2, 1]
    assert "FIBERMAP.EXPID" not in spectra.meta
    assert "FIBERMAP.FIBERSTATUS" not in spectra.meta
    np.testing.assert_array_equal(spectra.meta["FIBERMAP.EBV"], [0.8, np.nan, 0.9])


def test_exposures_can_be_read_one_by_one(single: tuple[Path, Images]) -> None:
    path, images = single
    spectra = io.read_desi(path, coadd=False)
    assert spectra.ids == ("8", "7", "8", "9", "7", "8")
    assert spectra.meta["FIBERMAP.EXPID"].tolist() == list(range(6))
    assert spectra.npixels.tolist() == [159, *[160] * 5]
    np.testing.assert_array_equal(spectra.flux[1:, :50], images["B_FLUX"][1:, :50])
    same(io.read_desi(path), io.read(path))


def test_the_coadd_is_that_of_the_exposures(single: tuple[Path, Images]) -> None:
    path, _ = single
    each, together = io.read_desi(path, coadd=False), io.read_desi(path)
    rows = [0, 2, 5]
    ivar = each.ivar[rows].astype(float)
    np.testing.assert_allclose(together.ivar[0], ivar.sum(axis=0), rtol=1e-6)
    np.testing.assert_allclose(together.flux[0], np.sum(ivar * each.flux[rows], 0) / ivar.sum(0), rtol=2e-6)


def test_unusable_exposures_are_left_out_of_the_coadd(tmp_path: Path, desi_images: Make, write_desi: Write) -> None:
    """One with a broken fibre altogether, one with a bad amplifier in its camera; flags are those that all others have.

    Where no exposure is usable, there are no data, and the flags are those of any.
    """
    images = desi_images(5)
    status = np.array([1 << 2, 1 << 23 | 1 << 10, 1 << 10, 1 << 16, 1 << 9], dtype=np.int32)
    table = exposures([1, 1, 1, 2, 2], FIBERSTATUS=status)
    spectra = io.read(write_desi(tmp_path / "x.fits", images, table))
    v = images["B_IVAR"][1:3].astype(float)
    np.testing.assert_allclose(spectra.ivar[0, :50], v.sum(axis=0)[:50], rtol=1e-6)
    np.testing.assert_array_equal(spectra.flux[0, 60:100], images["R_FLUX"][2, 10:50])
    assert spectra.npixels.tolist() == [160, 0]
    assert spectra.meta["FIBERMAP.COADD_FIBERSTATUS"].tolist() == [1 << 10, 1 << 16 | 1 << 9]
    assert spectra.meta["FIBERMAP.COADD_NUMEXP"].tolist() == [2, 0]
    assert spectra.meta["ZWARN"].tolist() == [int(ZWarn.POORDATA), int(ZWarn.NODATA)]


def test_exposures_that_disagree_about_one_target_leave_the_flags_of_others(
    tmp_path: Path, desi_images: Make, write_desi: Write
) -> None:
    table = exposures([1, 2, 1, 2], OBJTYPE=["TGT", "SKY", "SKY", "SKY"])
    spectra = io.read(write_desi(tmp_path / "x.fits", desi_images(4), table))
    assert spectra.meta["ZWARN"].tolist() == [0, int(ZWarn.SKY)]
    assert list(spectra.meta["FIBERMAP.OBJTYPE"]) == ["TGT", "SKY"]


def test_one_exposure(tmp_path: Path, desi_images: Make, write_desi: Write) -> None:
    images = desi_images(1)
    path = write_desi(tmp_path / "x.fits", images, exposures([5]))
    coadded, single = io.read_desi(path), io.read_desi(path, coadd=False)
    np.testing.assert_array_equal(coadded.flux, single.flux)
    np.testing.assert_array_equal(coadded.flux[0, :50], images["B_FLUX"][0, :50])
    assert coadded.meta["FIBERMAP.EXPID"].tolist() == [0]


def test_slices_are_what_the_whole_file_has(single: tuple[Path, Images], coadd: Path) -> None:
    for path in (single[0], coadd):
        source, whole = io.open_spectra(path), io.read(path)
        assert source.ids == whole.ids
        assert len(source) == 3
        for part in (slice(0, 2), slice(2, 9), slice(1, 2), slice(None)):
            same(source[part], whole[part])


def test_a_slice_reads_no_more_than_its_rows(coadd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = io.open_spectra(coadd)
    asked = []
    read = fits.hdu.image.Section.__getitem__

    def watched(self: fits.hdu.image.Section, key: object) -> np.ndarray:
        asked.append((self.hdu.name, key))
        return read(self, key)

    def refuse(self: fits.ImageHDU) -> None:
        raise AssertionError(f"all of {self.name} is read")

    monkeypatch.setattr(fits.hdu.image.Section, "__getitem__", watched)
    monkeypatch.setattr(fits.ImageHDU, "data", property(refuse))
    assert len(source[1:2]) == 1
    names = [f"{camera}_{kind}" for camera in "BRZ" for kind in ("FLUX", "IVAR", "MASK", "RESOLUTION")]
    assert sorted(asked) == sorted((name, 1) for name in names)


def without(name: str) -> Callable[[Images], None]:
    return lambda images: images.__delitem__(name)


def put(name: str, make: Callable[[np.ndarray], np.ndarray]) -> Callable[[Images], None]:
    return lambda images: images.__setitem__(name, make(images[name]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            without("B_WAVELENGTH"),
            "[B_WAVELENGTH]: is missing: add it with the wavelength of each pixel, or remove the",
        ),
        (without("R_FLUX"), "[R_FLUX]: is missing: add it with the flux, or remove the other extensions of camera R"),
        (without("Z_IVAR"), "[Z_IVAR]: is missing: add it with the inverse variance"),
        (put("B_WAVELENGTH", lambda x: x[:-1]), "[B_FLUX]: has shape (3, 60); 59 wavelengths in B_WAVELENGTH need"),
        (put("B_WAVELENGTH", lambda x: x[::-1]), "[B_WAVELENGTH]: wavelengths must be finite and increase"),
        (put("B_WAVELENGTH", lambda x: x[:1]), "[B_WAVELENGTH]: needs to be an image of one axis and two pixels"),
        (put("R_WAVELENGTH", lambda x: x / 1e10), "[R_WAVELENGTH]: wavelengths run from 3.64e-07"),
        (
            put("R_IVAR", lambda x: x[:2]),
            "[R_IVAR]: has shape (2, 60); R_FLUX needs (3, 60): every extension needs one",
        ),
        (put("R_MASK", lambda x: x[:, :9]), "[R_MASK]: has shape (3, 9); R_FLUX needs (3, 60)"),
        (
            put("Z_RESOLUTION", lambda x: x[:, :4]),
            "[Z_RESOLUTION]: has shape (3, 4, 60); Z_FLUX needs (3, diag, 60), d",
        ),
        (put("Z_RESOLUTION", lambda x: x[:, :, 1:]), "[Z_RESOLUTION]: has shape (3, 5, 59)"),
        (
            put("Z_RESOLUTION", lambda x: x[0]),
            "[Z_RESOLUTION]: has shape (5, 60); Z_FLUX needs (3, diag, 60), diag odd",
        ),
        (put("Z_RESOLUTION", lambda x: x[:2]), "[Z_RESOLUTION]: has shape (2, 5, 60)"),
    ],
)
@pytest.mark.parametrize("joined", [False, True])
def test_a_file_that_does_not_fit_together(
    tmp_path: Path,
    desi_images: Make,
    write_desi: Write,
    change: Callable[[Images], None],
    message: str,
    joined: bool,
) -> None:
    """One line that names file, extension and remedy, whether FIBERMAP is there or not."""
    images = desi_images(3)
    change(images)
    path = write_desi(tmp_path / "x.fits", images, fibermap() if joined else None)
    with pytest.raises(io.FileError) as caught:
        io.read(path)
    assert str(caught.value).startswith(f"{path}{message}")
    assert "\n" not in str(caught.value)


def test_cameras_of_different_length_in_rows(tmp_path: Path, desi_images: Make, write_desi: Write) -> None:
    images = desi_images(3)
    for kind in ("FLUX", "IVAR", "MASK", "RESOLUTION"):
        images[f"R_{kind}"] = images[f"R_{kind}"][:2]
    path = write_desi(tmp_path / "x.fits", images, fibermap())
    with pytest.raises(io.FileError, match=r"x\.fits\[R_FLUX\]: has 2 rows, B_FLUX has 3: every extension needs one"):
        io.read(path)


def test_fibermap_of_another_length_or_kind(tmp_path: Path, desi_images: Make, write_desi: Write) -> None:
    for count in (0, 2, 4):
        path = write_desi(tmp_path / f"{count}.fits", desi_images(3), exposures([5] * count))
        with pytest.raises(io.FileError, match=rf"\[FIBERMAP\]: has {count} rows, B_FLUX has 3: every extension"):
            io.read(path)
    nameless = write_desi(tmp_path / "b.fits", desi_images(3), fibermap(TARGETID=None))
    image = write_desi(tmp_path / "c.fits", {**desi_images(3), "FIBERMAP": np.zeros(3)}, None)
    words = write_desi(tmp_path / "d.fits", desi_images(3), fibermap(TARGETID=["a", "b", "c"]))
    for path in (nameless, image, words):
        with pytest.raises(io.FileError, match=r"\[FIBERMAP\]: needs to be a table with a column TARGETID of integers"):
            io.read(path)


def test_cameras_twice(tmp_path: Path, desi_images: Make, write_desi: Write) -> None:
    images = desi_images(1, start={"B": 3600.0, "BRZ": 3600.0})
    with pytest.raises(io.FileError, match=r"x\.fits: cameras B, BRZ hold the same light: remove all but one"):
        io.read(write_desi(tmp_path / "x.fits", images, fibermap(1)))


def test_another_file_is_not_a_desi_file(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.zeros(3)).writeto(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match=r"x\.fits: not a DESI file: it has no extension B_FLUX"):
        io.read_desi(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match="format 'desi' is DESI coadd or spectra file"):
        io.read(tmp_path / "x.fits", format="desi")


def test_a_file_that_vanishes_between_slices(coadd: Path) -> None:
    source = io.open_spectra(coadd)
    coadd.unlink()
    with pytest.raises(io.FileError, match=r"coadd-x\.fits: cannot be opened"):
        source[:1]


@pytest.mark.parametrize(
    ("name", "npixels"),
    [
        ("coadd-4-80613-thru20210324", [7774]),
        ("coadd-special-dark-27247", [7776]),
        ("coadd-5-169-thru20210419", [0, 0, 0, 0, 7775]),
        ("coadd-sv3-dark-26065", [0, 0, 7705, 0, 7770]),
    ],
)
def test_real_coadds(data: Path, name: str, npixels: list[int]) -> None:
    """On the survey's joined grid of 7781 pixels; the flux that one camera alone measured is kept to the bit."""
    path = data / "desi" / f"{name}.fits"
    spectra = io.read(path)
    assert spectra.npixels.tolist() == npixels
    np.testing.assert_allclose(spectra.wave[0], np.linspace(3600, 9824, 7781), rtol=1e-9)
    with fits.open(path) as hdus:
        np.testing.assert_array_equal(spectra.meta["TARGETID"], hdus["FIBERMAP"].data["TARGETID"])
        good = spectra.ivar[:, 2000] > 0
        np.testing.assert_array_equal(spectra.flux[good, 2000], hdus["B_FLUX"].data[good, 2000])
        assert spectra.meta.keys() >= {f"FIBERMAP.{name}" for name in hdus["FIBERMAP"].columns.names}
    empty = spectra.npixels == 0
    assert np.all(spectra.meta["ZWARN"][empty] & int(ZWarn.NODATA))
    assert not np.any(spectra.meta["ZWARN"][~empty])


def test_the_real_file_without_fibermap(data: Path) -> None:
    path = data / "desi" / "coadd-quasarnp-25rows.fits"
    with pytest.warns(io.FileWarning, match="no extension FIBERMAP"):
        spectra = io.read(path)
    assert spectra.ids[7] == "coadd-quasarnp-25rows-00007"
    assert np.flatnonzero(spectra.npixels == 0).tolist() == [11]
    assert spectra.resolution is None


def test_a_folder_of_real_files_leaves_out_catalogs(data: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", io.FileWarning)
        assert all(path.name.startswith("coadd-") for path in io.expand(data / "desi"))
        assert len(io.read(data / "desi")) == 37


def test_a_coadd_whose_fibermap_has_another_name(tmp_path: Path, desi_images: Make, write_desi: Write) -> None:
    known = write_desi(tmp_path / "known.fits", desi_images(3), fibermap())
    with fits.open(known) as hdus:
        hdus["FIBERMAP"].name = "COADD_FIBERMAP"
        hdus.writeto(tmp_path / "other.fits")
    one, other = io.read(known), io.read(tmp_path / "other.fits")
    assert one.ids == other.ids
    np.testing.assert_array_equal(one.meta["ZWARN"], other.meta["ZWARN"])


@pytest.mark.parametrize(
    ("column", "values"),
    [("TARGETID", np.ones((3, 2), np.int64)), ("TARGET_RA", ["a", "b", "c"]), ("OBJTYPE", np.arange(3))],
)
def test_a_column_of_another_kind_is_refused_by_name(
    tmp_path: Path, desi_images: Make, write_desi: Write, column: str, values: object
) -> None:
    path = write_desi(tmp_path / "x.fits", desi_images(3), fibermap(**{column: values}))
    with pytest.raises(io.FileError, match=rf"x\.fits\[FIBERMAP\]: .*column {column}"):
        io.read(path)


def test_files_whose_columns_differ_are_read_together(tmp_path: Path, desi_images: Make, write_desi: Write) -> None:
    others = {"a": np.ones((3, 3)), "b": np.ones((3, 5)), "c": ["x", "y", "z"]}
    paths = [
        write_desi(tmp_path / f"{name}.fits", desi_images(3), fibermap(EXTRA=values)) for name, values in others.items()
    ]
    spectra = io.read(paths)
    assert len(spectra) == 9
    assert spectra.meta["FIBERMAP.EXTRA"].shape == (9, 5)


@pytest.mark.parametrize("fill", [0.0, np.nan])
def test_pixels_without_a_wavelength_are_none(
    tmp_path: Path, desi_images: Make, write_desi: Write, fill: float
) -> None:
    images = desi_images(2, start={"B": 3600.0})
    table = Table({"TARGETID": [1, 2]})
    before = io.read(write_desi(tmp_path / "a.fits", images, table))
    images["B_WAVELENGTH"][:3] = images["B_WAVELENGTH"][-4:] = fill
    after = io.read(write_desi(tmp_path / "b.fits", images, table))
    assert before.resolution is not None
    assert after.resolution is not None
    for name in ("wave", "flux", "ivar", "resolution"):
        kept = getattr(before, name)[..., 3:-4]
        # Next to the new ends, light is lost beyond them.
        np.testing.assert_array_equal(getattr(after, name)[..., 2:-2], kept[..., 2:-2])
