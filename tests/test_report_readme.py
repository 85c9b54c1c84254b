"""Pages and their figures cannot drift from the results: what is out of date is found, named and mended."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mxbench.errors import UserError
from mxbench.report import stamp
from mxbench.report.plots import collect
from mxbench.report.readme import regenerate
from mxbench.results import store
from mxbench.results.record import Arithmetic, Peak

from records import record

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "scripts" / "regenerate_readme.py"
PAGE = """before
<!-- begin tables a.jsonl -->
old
<!-- end tables -->
between
<!-- begin pairs a.jsonl -->
<!-- end pairs -->
"""


def run(*arguments):
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, check=False)


def test_a_page_is_regenerated_between_its_marks_only(tmp_path):
    found = record(interval=(99.0, 101.0))
    store.append(tmp_path / "a.jsonl", found)
    store.append(tmp_path / "a.jsonl", dataclasses.replace(found, repeat=1))
    page = regenerate(PAGE, tmp_path).text
    assert page.startswith("before\n<!-- begin tables a.jsonl -->\n") and "old" not in page
    assert "### Speed (images/sec)" in page and "\n# " not in page
    assert "differences of up to 0.0% that mean nothing. The method's verdicts on the pairs: 1 same." in page
    assert regenerate(page, tmp_path).text == page


def test_highlights_name_the_fastest_the_smallest_and_the_most_accurate(tmp_path):
    for one in (record("nin", speed=9.0, memory=7.0), record("caffenet", speed=5.0, memory=3.0),
                record("vgg16", speed=2.0, memory=8.0, model={"reference_top5": 90.0})):
        store.append(tmp_path / "a.jsonl", one)
    page = regenerate("<!-- begin highlights a.jsonl -->\n<!-- end highlights -->", tmp_path).text
    assert ("nin is the fastest with 9.00 images/sec, caffenet the smallest with 3 MiB, vgg16 the most accurate with "
            "90.0% at 2.00 images/sec and 8 MiB.") in page


def test_the_duration_of_a_run_and_its_parts_are_told(tmp_path):
    seconds = {"set_up": 5.0, "warm_up": 10.0, "measured": 15.0, "total": 30.0}
    for number, time in enumerate(("12:00:30", "12:01:00", "12:01:40")):
        store.append(tmp_path / "a.jsonl", record(batch_size=10 + number, time=f"2026-01-02T{time}+00:00", seconds=seconds))
    page = regenerate("<!-- begin duration a.jsonl -->\n<!-- end duration -->", tmp_path).text
    assert ("The run of 3 cells took 2 min: set-up 15 s (15%), warm-up 30 s (30%), measured 45 s (45%), idle or other 10 s "
            "(10%).") in page


def test_the_ranking_says_which_networks_changed_places(tmp_path):
    for network, speed in (("caffenet", 9.0), ("nin", 5.0), ("squeezenet", 4.0), ("vgg16", 1.0)):
        size = 227 if network in ("caffenet", "squeezenet") else 224
        store.append(tmp_path / "a.jsonl", record(network, speed=speed, image_shape=(3, size, size)))
    page = regenerate("<!-- begin ranking a.jsonl -->\n<!-- end ranking -->", tmp_path).text
    assert "\n- order by speed at batch size 10: Spearman 0.800, Kendall 0.667 over 4 networks; changed places: " in page


def test_the_arithmetic_stands_alone(tmp_path):
    work, peak = Arithmetic(10**9, 2 * 10**9, 4 * 10**9), Peak(1200.0, "FullyConnected", 2048)
    store.append(tmp_path / "a.jsonl", record(speed=100.0, arithmetic=work, peak=peak))
    page = regenerate("<!-- begin roofline a.jsonl -->\n<!-- end roofline -->", tmp_path).text
    assert "### Arithmetic" in page and "|600 (50%)" in page and "Memory usage" not in page


@pytest.mark.parametrize("page, message", [
    ("<!-- begin tables a.jsonl -->\n", "not closed"),
    ("<!-- begin tables -->\n<!-- end tables -->", "not closed"),
    ("<!-- begin tabels a.jsonl -->\n<!-- end tabels -->", "did you mean tables"),
    ("<!-- begin tables missing.jsonl -->\n<!-- end tables -->", "cannot read the results file"),
    ("<!-- begin pairs a.jsonl -->\n<!-- end pairs -->", "make them with mxbench aa"),
    ("<!-- begin predictions a.jsonl -->\n<!-- end predictions -->", "one figure was predicted"),
    ("<!-- begin plot choice a.svg -->\n<!-- end plot -->", "name its kind, its file and a results file"),
    ("<!-- begin plot chioce a.svg a.jsonl -->\n<!-- end plot -->", "did you mean choice"),
    ("<!-- begin plot choice a.svg a.jsonl -->\n<!-- end plot -->", "no network has a speed, a memory and a published"),
])
def test_a_page_with_a_wrong_mark_is_refused(tmp_path, page, message):
    store.append(tmp_path / "a.jsonl", record())
    with pytest.raises(UserError, match=message):
        regenerate(page, tmp_path)


def test_the_readme_the_pages_their_figures_and_the_symbols_are_up_to_date():
    done = run("--check")
    assert done.returncode == 0, done.stdout


def test_the_readme_stays_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 200


def test_a_changed_figure_in_a_page_is_found_and_mended(tmp_path):
    copy = tmp_path / "README.md"
    (tmp_path / "results").symlink_to(ROOT / "results")
    text = (ROOT / "docs" / "published.md").read_text(encoding="utf-8")
    text = re.sub(r"<!-- begin plot .*?<!-- end plot -->", "", text, flags=re.DOTALL)
    changed = re.sub(r"\b755\.64\b", "756.64", text)
    assert changed != text
    copy.write_text(changed, encoding="utf-8")
    done = run("--readme", copy, "--check")
    assert done.returncode == 1 and "README.md is out of date" in done.stdout
    assert copy.read_text(encoding="utf-8") == changed
    assert run("--readme", copy).returncode == 0
    assert copy.read_text(encoding="utf-8") == text


def test_a_drawing_that_is_missing_changed_or_of_other_results_is_found_and_drawn_anew(tmp_path):
    pytest.importorskip("matplotlib")
    store.append(tmp_path / "a.jsonl", record(model={"reference_top5": 90.0}))
    page, image = tmp_path / "page.md", tmp_path / "docs" / "images" / "w.svg"
    page.write_text("<!-- begin plot windows docs/images/w.svg a.jsonl -->\n<!-- end plot -->\n")
    done = run("--readme", page, "--check")
    assert done.returncode == 1 and "w.svg is missing" in done.stdout and not image.exists()
    assert run("--readme", page).returncode == 0
    assert "](docs/images/w.svg)" in page.read_text() and run("--readme", page, "--check").returncode == 0
    first = image.read_bytes()

    plot = next(iter(regenerate(page.read_text(), tmp_path).figures.values()))
    image.write_bytes(first.replace(b"#000000", b"#ff0000", 1))
    assert stamp.fault(image, plot) == "was changed after it was drawn"
    image.write_bytes(first)
    assert stamp.fault(image, plot) is None
    store.append(tmp_path / "a.jsonl", record(speed=101.0))
    plot = next(iter(regenerate(page.read_text(), tmp_path).figures.values()))
    assert stamp.fault(image, plot) == "shows other results, or was drawn by other code"


def test_a_page_in_a_folder_refers_to_its_figures_from_there(tmp_path):
    store.append(tmp_path / "a.jsonl", record())
    mark = "<!-- begin plot windows docs/images/w.svg a.jsonl -->\n<!-- end plot -->"
    page = regenerate(mark, tmp_path, beside="docs")
    assert "](images/w.svg)" in page.text and list(page.figures) == [tmp_path / "docs/images/w.svg"]


def test_a_stamp_does_not_depend_on_the_last_digits_of_a_figure(tmp_path):
    pytest.importorskip("matplotlib")
    plot, = collect([record(speed=100.0)], ["windows"])[0]
    (tmp_path / "w.svg").write_bytes(stamp.stamped(plot))
    near, = collect([record(speed=100.0 + 1e-9)], ["windows"])[0]
    assert stamp.fault(tmp_path / "w.svg", near) is None
