"""The page as a file: it needs nothing else, and what comes from files is no markup."""

import html.parser
import json

import numpy as np
import pytest

import jaxz.inspect
from tests.inspect.conftest import EVIL, sample


class Elements(html.parser.HTMLParser):
    """The elements of a page, and the text of the scripts that have a name."""

    def __init__(self, text):
        super().__init__()
        self.found, self.texts, self.name = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.name = dict(attrs).get("id")

    def handle_endtag(self, tag):
        self.name = None

    def handle_data(self, data):
        if self.name:
            self.texts[self.name] = self.texts.get(self.name, "") + data


def test_nothing_is_loaded_and_names_are_text(page_file):
    text = page_file.read_text(encoding="utf-8")
    elements = Elements(text)
    assert not [attrs for tag, attrs in elements.found if "src" in attrs or tag == "link"]
    assert EVIL not in text
    assert "<title>four &lt;b&gt; spectra</title>" in text
    book = json.loads(elements.texts["book"])
    assert book["columns"]["ID"][2] == EVIL
    assert len(elements.texts["data"].split("\n")) == 4


def test_numbers_keep_their_digits(page_file):
    columns = json.loads(Elements(page_file.read_text(encoding="utf-8")).texts["book"])["columns"]
    assert columns["TARGETID"] == ["39633345008634465", "-7", "3", "-1"]
    assert columns["PCONF"] == [1.0, 0.9, 0.2, None]
    assert columns["Z"] == [0.05, 0.1, 0.3, None]
    assert "ZALT" not in columns


def test_common_wavelengths_are_kept_once():
    spectra, catalog = sample()
    rows = np.array([0, 0, 0])
    repeated = {name: column[rows] for name, column in catalog.items()}
    book = json.loads(Elements(jaxz.inspect.page(spectra[rows], repeated)).texts["book"])
    assert len(book["grids"]) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda catalog: catalog.pop("Z"), "no column Z"),
        (lambda catalog: catalog.update(Z=np.zeros(3)), "4 spectra, but columns of other lengths: {'Z': 3}"),
    ],
)
def test_wrong_catalogs(change, message):
    spectra, catalog = sample()
    change(catalog)
    with pytest.raises(ValueError, match=message):
        jaxz.inspect.page(spectra, catalog)
