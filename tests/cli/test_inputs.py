"""Files of spectra are read whole for what learns from them, and what is wrong with one is one line."""

import numpy as np
import pytest
from astropy.io import fits

from jaxz import io
from jaxz.cli.inputs import Inputs, read_files


def test_spectra_are_what_the_library_reads(desi, files):
    spectra, unreadable = read_files([*files, desi])
    whole = io.read([*files, desi])
    assert unreadable == 0
    assert spectra.ids == whole.ids
    for name in ("wave", "flux", "ivar"):
        np.testing.assert_array_equal(getattr(spectra, name), getattr(whole, name))


def test_a_desi_file_without_fibermap_is_read_and_a_line_says_so(desi, tmp_path, capsys):
    path = tmp_path / "coadd-y.fits"
    with fits.open(desi) as hdus:
        del hdus["FIBERMAP"]
        hdus.writeto(path)
    spectra, _ = read_files([path])
    assert spectra.ids == tuple(f"coadd-y-{row:05d}" for row in range(8))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"jaxz: {path}: no extension FIBERMAP: spectra are named by their row")


def test_files_that_cannot_be_read_are_counted(files, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    spectra, unreadable = read_files([tmp_path / "missing.fits", *files, tmp_path / "empty"])
    assert (len(spectra), unreadable) == (4, 2)
    assert len(capsys.readouterr().err.splitlines()) == 2
    with pytest.raises(ValueError, match="no spectrum could be read"):
        read_files([tmp_path / "missing.fits"])


def test_groups_have_the_size_that_was_asked_for_and_keep_the_order(desi, files):
    whole = io.read([*files, desi])
    groups = list(Inputs([*files, desi]).groups(3))
    assert [name for group in groups for name in group.ids] == list(whole.ids)
    assert all(3 <= len(group) < 6 for group in groups[:-1])
    np.testing.assert_array_equal(np.concatenate([group.npixels for group in groups]), whole.npixels)
