"""Visual inspections as truth."""

import numpy as np
import pytest
from astropy.table import Table

from jaxz import io

PROSPECT = """\
TARGETID,EXPID,NIGHT,TILEID,Spec_version,Redrock_version,Template_version,Redrock_spectype,Redrock_z,Redrock_deltachi2,\
VI_scanner,VI_quality,VI_issue,VI_z,VI_spectype,VI_comment
39633345008634465,-1,-1,80613,iron,0.17.0,2.6,GALAXY,0.5,33.0,A B,4,,,,
39633345008634466,-1,-1,80613,iron,0.17.0,2.6,GALAXY,0.6,9.0,A B,3,RC,0.7,QSO,"not a galaxy, but a quasar"
39633345008634467,-1,-1,80613,iron,0.17.0,2.6,GALAXY,0.8,9.0,A B,3,R,,,
39633345008634468,-1,-1,80613,iron,0.17.0,2.6,GALAXY,0.9,9.0,A B,2,,,,
39633345008634469,-1,-1,80613,iron,0.17.0,2.6,GALAXY,1.0,9.0,A B,-1,,,,Blazar
"""


def test_prospects_file(tmp_path):
    path = tmp_path / "vi.csv"
    path.write_text(PROSPECT)
    truth = io.read_truth(path)
    np.testing.assert_array_equal(truth["Z"], [0.5, 0.7, np.nan, np.nan, np.nan])
    assert truth["TARGETID"][1] == 39633345008634466


def test_other_tables_are_as_they_are(tmp_path):
    path = tmp_path / "truth.ecsv"
    Table({"ID": ["a"], "Z": [0.3]}).write(path)
    assert io.read_truth(path).colnames == ["ID", "Z"]


@pytest.mark.parametrize("z", ["", "0.25"])
def test_column_of_z_that_is_empty(tmp_path, z):
    path = tmp_path / "vi.csv"
    path.write_text(f"ID,Redrock_z,VI_quality,VI_issue,VI_z\none,0.5,4,,{z}\n")
    assert io.read_truth(path)["Z"][0] == float(z or 0.5)


def test_names_that_begin_with_zeros(tmp_path):
    path = tmp_path / "vi.csv"
    path.write_text("Redrock_z,VI_quality,VI_issue,VI_z,ID\n0.5,4,,,0012\n0.6,4,,,13\n")
    assert io.read_truth(path)["ID"].tolist() == ["0012", "13"]
