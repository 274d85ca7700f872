"""Tables as text: separators, where the names are, and byte-order marks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from jaxz import io

ROWS = ["4000 1 0.5", "4001 2 0.5", "4002.0  3e0\t.5"]
CSV = [",".join(row.split()) for row in ROWS]
LAYOUTS = {
    "blanks": ["wave flux err", *ROWS],
    "indented": ["", "   wave\tflux   err", *ROWS, ""],
    "commented": ["# wave flux err", *ROWS],
    "commented at once": ["#wave flux err", *ROWS],
    "after comments": ["# made by hand", "#", "# of three pixels", "# wave flux err", *ROWS],
    "comments between": ["# wave flux err", ROWS[0], "# here", *ROWS[1:]],
    "CSV": ["wave,flux,err", *CSV],
    "CSV, spaced": ["wave, flux, err", *(row.replace(",", ", ") for row in CSV)],
    "CSV, commented": ["# by hand", "# wave,flux,err", *CSV],
    "CSV, quoted": ['"wave","flux","err"', *CSV],
}
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "Windows": lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path: Path, layout: str, encoding: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(ENCODINGS[encoding]("\n".join(LAYOUTS[layout]) + "\n"))
    spectra = io.read(path)
    np.testing.assert_array_equal(spectra.wave[0], [4000, 4001, 4002])
    np.testing.assert_array_equal(spectra.flux[0], [1, 2, 3])
    np.testing.assert_array_equal(spectra.ivar[0], [4, 4, 4])
    assert io.read_table(path).colnames == ["wave", "flux", "err"]


def test_a_mark_before_ecsv(tmp_path: Path) -> None:
    text = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: Z, datatype: float64}\nZ\n1.5\n"
    (tmp_path / "t.ecsv").write_bytes(text.encode("utf-8-sig"))
    assert io.read_table(tmp_path / "t.ecsv")["Z"].tolist() == [1.5]


def test_missing_numbers_between_blanks(tmp_path: Path) -> None:
    (tmp_path / "x.dat").write_text("wave flux err\n4000 nan 1\n4001 2 1\n4002 3 inf\n")
    assert io.read(tmp_path / "x.dat").ivar[0].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    "text", ["4000 1 1\n4001 2 1\n", "Some words, of\nno table\n", "# only\n# comments\n", "a b c\nd e f\n"]
)
def test_what_is_no_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(io.FileError, match=r"x\.txt: "):
        io.read(tmp_path / "x.txt")


def test_numbers_without_names_are_told_what_they_lack(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("4000,1,1\n4001,2,1\n")
    with pytest.raises(io.FileError, match="no line with the names of the columns: write one above the numbers"):
        io.read(tmp_path / "x.csv")
    (tmp_path / "x.dat").write_text("4000 1 1\n4001 2 1\n")
    with pytest.raises(io.FileError, match="columns between blanks under a line with their names"):
        io.read(tmp_path / "x.dat")


def test_rows_that_are_short(tmp_path: Path) -> None:
    (tmp_path / "x.dat").write_text("wave flux err\n4000 1 1\n4001 2\n")
    with pytest.raises(io.FileError, match=r"x\.dat: cannot be read as text of columns between blanks: "):
        io.read(tmp_path / "x.dat")


def test_text_spectra_in_a_folder_are_found_among_prose(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_text("\n".join(LAYOUTS["commented"]))
    (tmp_path / "README").write_text("The spectra\nare 3 of\n")
    (tmp_path / "list.txt").write_text("name z\na 0.5\n")
    assert [path.name for path in io.expand(tmp_path)] == ["a.dat"]
