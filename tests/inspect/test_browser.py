"""The page in a browser: what is seen follows what is done, and the export says what was judged."""

import csv
import itertools

import pytest

pytest.importorskip("selenium")
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from benchmarks.inspection import PATIENCE, complaints
from jaxz import io
from tests.inspect.conftest import EVIL

FIELDS = [
    "TARGETID", "EXPID", "NIGHT", "TILEID", "Spec_version", "Redrock_version", "Template_version", "Redrock_spectype",
    "Redrock_z", "Redrock_deltachi2", "VI_scanner", "VI_quality", "VI_issue", "VI_z", "VI_spectype", "VI_comment", "ID",
    "FILE",
]  # fmt: skip


@pytest.fixture
def page(browser, page_file):
    """Return the browser with the page open, nothing judged, and fail if it had anything to complain of."""
    browser.get(page_file.as_uri())
    wait(lambda: browser.execute_script("return Boolean(window.inspection)"))
    yield browser
    browser.execute_script("localStorage.clear()")
    assert complaints(browser) == []


def wait(condition):
    """Wait until a condition is true."""
    waiting = WebDriverWait(None, PATIENCE, poll_frequency=0.05)
    waiting.until(lambda _: condition(), "the page does not do it")


def press(page, *keys):
    page.find_element("tag name", "body").send_keys(*keys)


def text(page, name):
    return page.find_element("id", name).text


def source(page, name, column):
    code = f"return Array.from(inspection.drawing.model('{name}').data['{column}'])"
    return page.execute_script(code)


def band_at(page, pixel):
    """Return the upper and the lower end of the error band at a pixel."""
    x = source(page, "spectrum", "x")[pixel]
    for xs, ys in zip(source(page, "spectrum band", "xs"), source(page, "spectrum band", "ys"), strict=True):
        ends = [y for place, y in zip(xs, ys, strict=True) if place == x]
        if ends:
            return max(ends), min(ends)
    raise AssertionError(f"no piece of the band holds pixel {pixel}")


def set_value(page, name, value, event):
    code = "const at = document.getElementById(arguments[0]); at.value = arguments[1];"
    page.execute_script(f"{code} at.dispatchEvent(new Event('{event}'))", name, value)


def test_next_and_previous(page):
    assert text(page, "name") == "s0"
    assert "z = 0.05000 ± 0.00010" in text(page, "summary")
    press(page, Keys.ARROW_RIGHT)
    wait(lambda: text(page, "name") == "s1, the second")
    assert len(source(page, "spectrum", "x")) == 700
    page.find_element("id", "next").click()
    wait(lambda: text(page, "name") == EVIL)
    assert text(page, "warnings") == "SMALL_DELTA_CHI2"
    assert page.title == "four <b> spectra"
    press(page, Keys.ARROW_RIGHT)
    wait(lambda: text(page, "name") == "s3")
    press(page, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    wait(lambda: text(page, "name") == EVIL)


def test_lines_follow_candidate_slider_and_click(page):
    def at(name):
        return dict(zip(source(page, "lines", "name"), source(page, "lines", "x"), strict=True))[name]

    assert at("[O III] 5008") == pytest.approx(5008.24 * 1.05, abs=0.01)
    press(page, "]")
    assert at("[O III] 5008") == pytest.approx(5008.24 * 1.18, abs=0.01)
    assert page.find_element("css selector", "#candidates .chosen").text.startswith("2 0.1800")
    set_value(page, "coarse", 0.02, "input")
    assert at("[O III] 5008") == pytest.approx(5008.24 * 1.02, abs=0.01)
    set_value(page, "fine", 300, "input")
    assert at("[O III] 5008") == pytest.approx(5008.24 * 1.18 * (1 + 300 / 299792.458), abs=0.01)
    page.execute_script("window.dispatchEvent(new CustomEvent('jaxz:z', {detail: 0.0501}))")  # near the first candidate
    assert page.execute_script("return [inspection.view.z, inspection.view.candidate]") == [0.05, 0]
    page.execute_script("window.dispatchEvent(new CustomEvent('jaxz:z', {detail: 0.12}))")
    assert page.execute_script("return inspection.drawing.model('here').location") == pytest.approx(0.12)


def test_click_into_the_redshift_panel(page):
    def clicked():
        middle = page.execute_script(
            "const found = [...Bokeh.index.query((view) => view.model.name === 'redshift figure')][0];"
            "const box = found.el.getBoundingClientRect(), inner = found.frame.bbox;"
            "return [box.x + inner.left + inner.width / 2, box.y + inner.top + inner.height / 2]"
        )
        pointer = ActionChains(page)
        pointer.w3c_actions.pointer_action.move_to_location(*map(int, middle))
        pointer.click().perform()
        # The middle of 0 to 1, as the catalog says nothing of its range.
        return page.execute_script("return inspection.view.z") == pytest.approx(0.5, abs=0.01)

    wait(clicked)  # again, if the figure was still being laid out


def test_frames_lines_and_second_redshift(page):
    [first] = source(page, "spectrum", "x")[:1]
    assert first == pytest.approx(5000, abs=1e-3)
    press(page, "f")
    assert source(page, "spectrum", "x")[0] == pytest.approx(5000 / 1.05, abs=1e-3)
    press(page, "f", "a")
    assert source(page, "spectrum", "x")[0] == pytest.approx(4998.606, abs=2e-3)  # 5000 Å in air
    press(page, "a")
    second = dict(zip(source(page, "second lines", "name"), source(page, "second lines", "x"), strict=True))
    assert second["[O III] 5008"] == pytest.approx(5008.24 * 1.08, abs=0.01)
    press(page, "]", "]")
    assert page.find_element("css selector", "#candidates .chosen").text.startswith("+ 0.0800")
    first = dict(zip(source(page, "second lines", "name"), source(page, "second lines", "x"), strict=True))
    assert first["[O III] 5008"] == pytest.approx(5008.24 * 1.05, abs=0.01)
    press(page, "[", "[", "d")
    assert source(page, "second lines", "x") == []
    press(page, "l")
    assert source(page, "lines", "x") == []
    assert source(page, "sky", "x") == []
    press(page, "k")
    assert 5578.887 in [round(wave, 3) for wave in source(page, "sky", "x")]


def test_smoothing(page):
    rough = source(page, "spectrum", "flux")
    set_value(page, "width", 5, "input")
    smooth = source(page, "spectrum", "flux")
    assert smooth[400] == pytest.approx(sum(rough[398:403]) / 5, rel=1e-2)
    high, low = band_at(page, 400)
    assert high - low == pytest.approx(2 * 0.2 / 5**0.5, rel=0.02)
    assert (high + low) / 2 == pytest.approx(smooth[400])


def test_band_of_errors_has_all_pixels_and_no_gap(page):
    press(page, Keys.ARROW_RIGHT)
    wait(lambda: text(page, "name") == "s1, the second")
    pieces = [piece[: len(piece) // 2] for piece in source(page, "spectrum band", "xs")]
    for piece, following in itertools.pairwise(pieces):
        assert piece[-2:] == following[:2]
    assert sorted({x for piece in pieces for x in piece}) == source(page, "spectrum", "x")


def test_sorting_and_filtering(page):
    def names():
        code = "return [...document.querySelectorAll('#list .line :first-child')].map((cell) => cell.textContent)"
        return page.execute_script(code)

    set_value(page, "sort", "PCONF", "input")
    wait(lambda: names() == [EVIL, "s1, the second", "s0", "s3"])
    set_value(page, "zwarn", "none", "input")
    wait(lambda: names() == ["s1, the second", "s0"])
    set_value(page, "spectype", "QSO", "input")
    wait(lambda: text(page, "name") == "s1, the second")
    assert text(page, "count") == "1 of 4 spectra"
    set_value(page, "spectype", "", "input")
    set_value(page, "zwarn", "", "input")
    set_value(page, "most", 0.5, "change")
    wait(lambda: text(page, "name") == EVIL)


def test_inspection_is_kept_and_exported(page, browser, tmp_path):
    set_value(page, "scanner", "Vera", "change")
    press(page, "4", "z")
    press(page, Keys.ARROW_RIGHT)
    wait(lambda: text(page, "name") == "s1, the second")
    press(page, "1", "R", "S")
    set_value(page, "vispectype", "STAR", "change")
    set_value(page, "comment", 'a "blend", perhaps', "change")
    press(page, Keys.ARROW_RIGHT)
    wait(lambda: text(page, "name") == EVIL)
    press(page, "3")
    page.refresh()
    wait(lambda: page.execute_script("return Boolean(window.inspection)"))
    assert text(page, "judged") == "3 inspected"
    press(page, "x")
    path = browser.downloads / "desi-vi_four-b-spectra_Vera.csv"
    wait(path.exists)
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = list(csv.reader(stream))
    assert header == FIELDS
    assert rows == [
        ["39633345008634465", "-1", "-1", "-1", "-1", "-1", "-1", "GALAXY", "0.05", "90", "Vera", "4", "", "0.050000",
         "", "", "s0", ""],
        ["-7", "-1", "-1", "-1", "-1", "-1", "-1", "QSO", "0.1", "40", "Vera", "1", "RS", "", "STAR",
         'a "blend", perhaps', "s1, the second", ""],
        ["3", "-1", "-1", "-1", "-1", "-1", "-1", "GALAXY", "0.3", "5", "Vera", "3", "", "", "", "", EVIL, ""],
    ]  # fmt: skip
    truth = io.read_truth(path)
    assert list(truth["Z"][[0, 2]]) == [0.05, 0.3]
    assert not truth["Z"][1] > 0


def test_names_of_lines_are_within_the_figure_from_the_start_and_in_windows_of_any_size(page, browser):
    def placed():
        height = page.execute_script("return inspection.drawing.parts('spectrum').figure.inner_height")
        return source(page, "lines", "y") and {*source(page, "lines", "y")} == {height - 3}

    size = browser.get_window_size()
    wait(placed)
    browser.set_window_size(900, 700)
    wait(placed)
    browser.set_window_size(size["width"], size["height"])


def test_what_is_judged_is_what_is_seen(page):
    """Whatever is pressed before the next spectrum is there."""
    page.execute_script("inspection.step(1); document.getElementById('takez').click()")
    wait(lambda: text(page, "name") == "s1, the second")
    rows = page.execute_script("return inspection.judgements.rows")
    assert {row: said["z"] for row, said in rows.items()} == {"0": "0.050000"}


def test_keys_do_not_change_what_was_chosen(page):
    chosen = page.find_element("id", "vispectype")
    chosen.click()
    chosen.find_element("xpath", "option[. = 'GALAXY']").click()
    press(page, "4", Keys.ARROW_RIGHT)
    wait(lambda: text(page, "name") == "s1, the second")
    said = page.execute_script("return inspection.judgements.of(0)")
    assert (said["spectype"], said["quality"]) == ("GALAXY", "4")


@pytest.mark.parametrize(
    ("written", "kept"), [("0,7", "0.7"), ("abc", "0.5"), ("-5", "0.5"), ("0x10", "0.5"), ("", "")]
)
def test_a_redshift_that_is_none_erases_nothing(page, written, kept):
    set_value(page, "viz", "0.5", "change")
    set_value(page, "viz", written, "change")
    assert page.execute_script("return inspection.judgements.of(0).z") == kept
    wrong = written not in ("", "0,7")
    assert ("wrong" in page.find_element("id", "viz").get_attribute("class")) == wrong
    set_value(page, "z", "nothing", "change")
    assert page.find_element("id", "z").get_attribute("value") == "0.050000"


def test_two_windows_of_a_page_keep_what_both_say(page):
    press(page, "4")
    first = page.current_window_handle
    page.switch_to.new_window("tab")
    page.get(page_url(page, first))
    wait(lambda: page.execute_script("return Boolean(window.inspection)"))
    press(page, Keys.ARROW_RIGHT)
    wait(lambda: text(page, "name") == "s1, the second")
    press(page, "3")
    page.close()
    page.switch_to.window(first)
    wait(lambda: text(page, "judged") == "2 inspected")
    press(page, "S")
    assert {row: said["quality"] for row, said in kept_rows(page).items()} == {"0": "4", "1": "3"}


def kept_rows(page):
    return page.execute_script("return JSON.parse(localStorage.getItem(inspection.judgements.key)).rows")


def page_url(page, window):
    now = page.current_window_handle
    page.switch_to.window(window)
    url = page.current_url
    page.switch_to.window(now)
    return url


def test_a_browser_that_keeps_nothing_is_told(page):
    page.execute_script("localStorage.setItem(inspection.judgements.key, '{broken')")
    page.refresh()
    wait(lambda: page.execute_script("return Boolean(window.inspection)"))
    assert text(page, "judged") == "0 inspected"
    page.execute_script("Storage.prototype.setItem = () => { throw new Error('full') }")
    press(page, "4")
    assert text(page, "judged") == "1 inspected: this browser keeps nothing, export before you leave"


def range_of(page, name):
    code = "const range = inspection.drawing.model(arguments[0]) ?? inspection.drawing.parts('spectrum').x_range;"
    return page.execute_script(f"{code} return [range.start, range.end]", name)


def test_the_rest_frame_follows_z_and_the_other_axis_the_range(page):
    press(page, "f", "]")
    first, last = (source(page, "spectrum", "x")[place] for place in (0, -1))
    assert range_of(page, "") == pytest.approx([first, last], rel=1e-9)
    assert range_of(page, "other") == pytest.approx([5000, 5998.75], abs=1e-2)
    press(page, "f", "a")
    page.execute_script("inspection.drawing.parts('spectrum').x_range.setv({start: 5200, end: 5300})")
    rest = [wave * 1.0002783 / 1.18 for wave in (5200, 5300)]  # vacuum, then air again
    assert range_of(page, "other") == pytest.approx([wave / 1.0002785 for wave in rest], abs=0.02)
    page.execute_script("[...Bokeh.index.query((view) => view.model.name === 'spectrum figure')][0].reset()")
    assert range_of(page, "")[0] == pytest.approx(5000, abs=2)
    assert range_of(page, "other")[0] == pytest.approx(5000 / 1.18, abs=1)


def test_missing_values_are_last_in_either_order(page):
    def names():
        code = "return [...document.querySelectorAll('#list .line :first-child')].map((cell) => cell.textContent)"
        return page.execute_script(code)

    set_value(page, "sort", "Z", "input")
    assert names()[-1] == "s3"
    page.find_element("id", "descending").click()
    assert names() == [EVIL, "s1, the second", "s0", "s3"]
    set_value(page, "most", "", "change")
    assert len(names()) == 4


def test_a_pixel_alone_is_seen_and_one_of_high_weight_spoils_no_other(page):
    numbers = page.execute_script(
        """
        const page = inspection, { wave, flux, sigma, candidates } = page.spectrum;
        const masked = sigma.map((value, i) => (i % 2 ? value : NaN));
        page.drawing.draw({ wave, flux, sigma: masked, candidates, curve: null }, page.view, false);
        const alone = page.drawing.model("spectrum alone").data.x.length;
        const weighty = sigma.map((value, i) => (i === 300 ? 1e-9 : value));
        page.drawing.draw({ wave, flux, sigma: weighty, candidates, curve: null }, { ...page.view, width: 5 }, false);
        const shown = Array.from(page.drawing.model("spectrum").data.flux);
        page.draw();
        return [alone, shown.filter(Number.isFinite).length, page.drawing.model("spectrum alone").data.x.length];
        """
    )
    assert numbers == [400, 800, 0]
