"""The page in a real browser: it sorts, filters, tells details, fits a phone, and asks the network for nothing.

Needs chromium and its driver (apt-get install chromium chromium-driver); without them the tests are skipped, or fail
where MXBENCH_BROWSER=required.
"""

import dataclasses
import json
import os
import shutil

import pytest

from mxbench.report import page
from mxbench.results import published
from mxbench.results.record import Cell, Memory, Record, Speed, Window

OPTIONS = ("--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run "
           "--disable-background-networking --disable-component-update --disable-sync").split()
HOSTILE = "</script><img src=x onerror=\"document.title='broken out'\"><b>"
WIDE, PHONE = (1280, 1000, False), (390, 844, True)


def missing():
    """Why there is no browser to test in; empty if there is one."""
    lacking = [program for program in ("chromium", "chromedriver") if not shutil.which(program)]
    try:
        import selenium  # noqa: F401
    except ImportError:
        lacking.append("selenium")
    return f"no {' and no '.join(lacking)}: apt-get install chromium chromium-driver, pip install '.[test]'" if lacking else ""


@pytest.fixture(scope="module")
def browser():
    reason = missing()
    if reason:
        (pytest.fail if os.environ.get("MXBENCH_BROWSER") == "required" else pytest.skip)(reason)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


def records():
    """The published table, and a run with windows, a doubt and a name that tries to break out."""
    windows = tuple(Window(10, seconds) for seconds in (0.2, 0.1, 0.11, 0.1, 0.12, 0.1, 0.1))
    fields = {"machine": {"cpu": "Some CPU", "cores": 2, "memory_gib": 24}, "software": {"mxnet": "mxnet 1.9.1"},
              "variables": {"OMP_NUM_THREADS": "2"}, "memory": Memory(500.0, "", 300.0, 800.0)}
    own = Record(Cell("nin", 10), "ok", speed=Speed(100.0, (99.0, 101.0), windows=windows[1:], warmup=windows[:1]), **fields)
    hostile = dataclasses.replace(own, cell=Cell(HOSTILE, 10), model={"display_name": HOSTILE},
                                  warnings=({"warning": "drift", "detail": HOSTILE},))
    return [own, hostile, *published.records()]


@pytest.fixture(scope="module")
def file(tmp_path_factory, request):
    request.getfixturevalue("browser")  # no page for a browser that is not there
    path = tmp_path_factory.mktemp("page") / "results.html"
    path.write_text(page.build(records()), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser, file):
    """The page, freshly opened in a wide window with light colours, and closed without an error or a request."""
    show(browser, file)
    yield browser
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert {url for url in asked if not url.startswith("data:")} == {file.as_uri()}


def show(browser, file, size=WIDE, colours="light"):
    width, height, mobile = size
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia",
                            {"features": [{"name": "prefers-color-scheme", "value": colours},
                                          {"name": "prefers-reduced-motion", "value": "reduce"}]})
    browser.get(file.as_uri())


def find(browser, selector):
    return browser.find_elements("css selector", selector)


def wait(browser, condition):
    """What a condition gives, as soon as that is true."""
    from selenium.webdriver.support.wait import WebDriverWait

    return WebDriverWait(browser, 10, 0.02).until(lambda _: condition())


def column(browser, number, table=1):
    """The texts of the visible cells of a column, from the table of that number."""
    return browser.execute_script(
        "return [...document.querySelectorAll('.cells')[arguments[0]].querySelectorAll('tbody tr')]"
        ".filter((row) => row.offsetParent).map((row) => row.cells[arguments[1]].textContent.trim())", table, number)


def head(browser, number, table=1):
    return find(find(browser, ".cells")[table], "thead th")[number]


def as_numbers(texts):
    """Numbers first as they are, cells without one as infinity."""
    return [float(text) if text[:1].isdigit() else float("inf") for text in texts]


def test_a_click_sorts_and_a_second_click_the_other_way_with_what_has_no_figure_last(opened):
    before, speeds = column(opened, 0), 2
    find(head(opened, speeds), "button")[0].click()
    wait(opened, lambda: column(opened, 0) != before)
    texts = column(opened, speeds)
    numbers = as_numbers(texts)
    assert numbers[:62] == sorted(numbers[:62], reverse=True) and texts[62:] == ["out of memory"] * 2
    assert head(opened, speeds).get_attribute("aria-sort") == "descending"
    assert head(opened, 0).get_attribute("aria-sort") is None
    find(head(opened, speeds), "button")[0].click()
    wait(opened, lambda: column(opened, speeds)[0] == "18.22")
    numbers = as_numbers(column(opened, speeds))
    assert numbers == sorted(numbers) and numbers[-1] == float("inf")
    assert head(opened, speeds).get_attribute("aria-sort") == "ascending"
    assert column(opened, 0, table=0) == ["nin", HOSTILE]  # the other table is left alone


def test_the_keyboard_sorts_too_and_names_begin_with_a(opened):
    from selenium.webdriver.common.keys import Keys

    find(head(opened, 0), "button")[0].send_keys(Keys.ENTER)
    wait(opened, lambda: head(opened, 0).get_attribute("aria-sort") == "ascending" and column(opened, 0)[4] != "SqueezeNet")
    names = column(opened, 0)
    assert names[:5] == ["CaffeNet"] * 4 + ["Inception-BN"] and sorted(names, key=str.lower) == names


def test_filters_filter_all_tables_and_say_how_many_are_left(opened):
    from selenium.webdriver.support.select import Select

    status = find(opened, "#shown")[0]
    assert status.text == "66 of 66 cells"
    field = find(opened, "#network")[0]
    field.send_keys("NiN")
    wait(opened, lambda: status.text == "5 of 66 cells")
    assert (set(column(opened, 0)), column(opened, 0, table=0)) == ({"NIN"}, ["nin"])
    Select(find(opened, "#batch-size")[0]).select_by_visible_text("20")
    wait(opened, lambda: status.text == "1 of 66 cells")
    assert (column(opened, 1), column(opened, 0, table=0)) == (["20"], [])
    assert "No cell here passes the filter." in find(opened, "#conditions-1")[0].text
    find(opened, "#filter button[type=reset]")[0].click()
    wait(opened, lambda: status.text == "66 of 66 cells")
    Select(find(opened, "#state")[0]).select_by_visible_text("without a figure")
    wait(opened, lambda: status.text == "2 of 66 cells")
    assert column(opened, 2) == ["out of memory"] * 2
    Select(find(opened, "#state")[0]).select_by_visible_text("trusted only")
    wait(opened, lambda: status.text == "1 of 66 cells")
    assert (column(opened, 0, table=0), column(opened, 0)) == (["nin"], [])


def test_details_come_by_pointer_and_by_keyboard_and_go_with_escape(opened):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    card, (button, other) = find(opened, "#card")[0], find(opened, "button.details")[:2]
    assert not card.is_displayed()
    ActionChains(opened).move_to_element(button).perform()
    wait(opened, card.is_displayed)
    assert "nin, batch size 10" in card.text and "99.00 to 101.00 images/sec" in card.text
    assert len(find(card, "circle.counts")) == 6 and len(find(card, "circle.warm-up")) == 1
    ActionChains(opened).move_to_element(find(opened, "h1")[0]).perform()
    wait(opened, lambda: not card.is_displayed())
    other.send_keys(Keys.ENTER)
    assert card.is_displayed() and other.get_attribute("aria-expanded") == "true"
    assert HOSTILE in card.text and find(card, "img") == []
    other.send_keys(Keys.ESCAPE)
    assert not card.is_displayed() and other.get_attribute("aria-expanded") == "false"


def test_a_hostile_name_is_shown_as_text(opened):
    assert column(opened, 0, table=0)[1] == HOSTILE
    assert opened.title == "Training speed and memory - mxbench"
    assert opened.execute_script("return [...document.images].every((image) => image.src.startsWith('data:'))")


@pytest.mark.parametrize("size", [WIDE, PHONE, (320, 640, True)])
def test_the_page_is_no_wider_than_the_window_and_only_tables_and_figures_scroll(opened, file, size):
    show(opened, file, size)
    for opener in (None, find(opened, "button.details")[0]):
        if opener:
            opened.execute_script("arguments[0].click()", opener)
        # A page that overflows makes a phone zoom out, which widens the window.
        assert opened.execute_script("const page = document.documentElement; "
                                     "return [page.scrollWidth - page.clientWidth, innerWidth]") == [0, size[0]]
    assert opened.execute_script("return document.querySelector('#card').getBoundingClientRect().right") <= size[0]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_colours_follow_the_system_until_the_switch_is_used(opened, file, colours):
    def ground():
        return opened.execute_script("return getComputedStyle(document.body).backgroundColor")

    grounds = {"light": "rgb(250, 250, 248)", "dark": "rgb(20, 23, 26)"}
    other = {"light": "dark", "dark": "light"}[colours]
    show(opened, file, colours=colours)
    opened.execute_script("localStorage.clear()")
    show(opened, file, colours=colours)
    assert ground() == grounds[colours]
    find(opened, "#theme")[0].click()
    assert ground() == grounds[other]
    assert find(opened, "#theme")[0].get_attribute("aria-pressed") == str(other == "dark").lower()
    opened.execute_script("localStorage.clear()")


def test_a_screen_reader_finds_names_for_everything(opened):
    """Every table has a caption, every heading cell a scope, every control a name; ids are not used twice."""
    assert opened.execute_script("""
      const all = (selector) => [...document.querySelectorAll(selector)];
      const ids = all("[id]").map((element) => element.id);
      return [
        all("table").filter((table) => !table.caption || !table.caption.textContent.trim()).length,
        all("th:not([scope])").length,
        all("button").filter((button) => !(button.ariaLabel || button.textContent).trim()).length,
        all("input, select").filter((control) => !control.labels.length).length,
        all("img").filter((image) => !image.alt).length,
        all("[aria-labelledby]").filter((element) => !document.getElementById(element.getAttribute("aria-labelledby"))).length,
        ids.length - new Set(ids).size,
      ]""") == [0] * 7
