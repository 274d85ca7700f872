"""Files of many spectra are read some at a time, and what is wrong with one is one line."""

from pathlib import Path

import numpy as np
from astropy.io import fits

from jaxz import Spectra, io
from jaxz.cli.inputs import Inputs


def test_groups_are_what_whole_files_hold(desi, files):
    inputs = Inputs([*files, desi], None, None, 3)
    groups = list(inputs)
    assert [len(group) for group in groups] == [3, 1, 3, 1]
    assert inputs.done == 1
    one, whole = Spectra.concatenate(groups), io.read([*files, desi])
    assert one.ids == whole.ids
    for name in ("wave", "flux", "ivar"):
        np.testing.assert_array_equal(getattr(one, name), getattr(whole, name))
    assert one.meta["TARGETID"].dtype == np.int64
    for name in whole.meta:
        assert one.meta[name].tolist() == whole.meta[name].tolist() or whole.meta[name].dtype.kind == "f"


def test_a_desi_file_without_fibermap_is_read_and_a_line_says_so(desi, tmp_path, capsys):
    path = tmp_path / "coadd-y.fits"
    with fits.open(desi) as hdus:
        del hdus["FIBERMAP"]
        hdus.writeto(path)
    (group,) = Inputs([path], None, None, 10)
    assert group.ids == tuple(f"coadd-y-{row:05d}" for row in range(8))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"jaxz: {path}: no extension FIBERMAP: spectra are named by their row")


def test_a_file_lost_while_it_is_read_is_reported(desi, files, capsys):
    inputs = Inputs([desi, files[0]], None, None, 1)
    groups = iter(inputs)
    first = next(groups)  # by now, two of the four spectra are read
    Path(desi).unlink()
    assert first.ids == ("39633345008634465",)
    assert [group.ids for group in groups] == [("39633345008634466",), ("s0",)]
    assert inputs.unreadable == 1
    assert capsys.readouterr().err == f"jaxz: {desi}: cannot be opened: No such file or directory\n"


def test_columns_reach_the_reader(tmp_path):
    (tmp_path / "x.csv").write_text("l,f,df\n4000,1,0.5\n4001,2,0.5\n4002,3,0.5\n")
    inputs = Inputs([tmp_path / "x.csv"], None, None, 10, columns={"wave": "l", "flux": "f", "error": "df"})
    (group,) = inputs
    assert group.ivar[0].tolist() == [4, 4, 4]
