"""Tables for programs and for papers hold the same figures as those for readers."""

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxbench.cli import main
from mxbench.report.document import build
from mxbench.results import store
from mxbench.results.record import OUT_OF_MEMORY, Predicted

from records import record

RECORDS = [
    record("nin", interval=(98.0, 102.0), predicted=Predicted(400.0, 450.0), verdict="noisy"),
    record("vgg16", 20, status=OUT_OF_MEMORY, message='no room, "none"\nat all'),
    record("nin", tuning="stock", speed=50.0),
]


def csv_rows(records):
    return list(csv.DictReader(io.StringIO(build(records, form="csv"))))


def of(row, names):
    return [row[name] for name in names.split()]


def test_csv_has_a_row_for_each_cell_with_all_figures_and_conditions():
    first, failed, stock = csv_rows(RECORDS)
    assert of(first, "images_per_second images_per_second_low half_width") == ["100.0", "98.0", "0.02"]
    assert of(first, "memory_mib predicted_low_mib predicted_high_mib") == ["500.0", "400.0", "450.0"]
    assert of(first, "remarks cpu devices") == ["still noisy after many windows", "Some CPU", "cpu(0)"]
    assert of(failed, "status images_per_second message") == [OUT_OF_MEMORY, "", 'no room, "none"\nat all']
    assert (first["tuning"], stock["tuning"]) == ("tuned", "stock")


@given(st.text(max_size=30), st.text(max_size=30))
def test_csv_keeps_any_text(name, message):
    text = [value.replace("\x00", "").replace("\r", "") for value in (name, message)]
    row, = csv_rows([record(model={"display_name": text[0]}, message=text[1], status=OUT_OF_MEMORY)])
    assert (row["display_name"], row["message"]) == (text[0] or "caffenet", text[1])


def test_json_has_the_cells_of_each_set_of_conditions():
    tuned, stock = json.loads(build(RECORDS, form="json"))["tables"]
    assert tuned["conditions"]["tuning"] == "tuned" and tuned["software"] == {"mxnet": "mxnet 1.9.1"}
    assert [(cell["network"], cell["batch_size"], cell["images_per_second"]) for cell in tuned["cells"]] == [
        ("nin", 10, 100.0), ("vgg16", 20, None)]
    assert [cell["images_per_second"] for cell in stock["cells"]] == [50.0]


def latex_cells(text):
    """The cells of the lines between the rules of the first table."""
    body = text.split("\\midrule")[1].split("\\bottomrule")[0]
    return [[cell.strip() for cell in line[:-2].split(" & ")] for line in body.strip().splitlines()]


def test_latex_shows_the_figures_with_marks():
    text = build(RECORDS[:2], form="latex", spread=True, marks=True)
    assert latex_cells(text) == [["nin", r"100.00 $\pm$2.0\%\textsuperscript{a}", "not run"],
                                 ["vgg16", "not run", "out of memory"]]
    assert r"\textsuperscript{a} still noisy after many windows\par" in text
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == text.count(r"\toprule") == 2


def test_latex_sets_machines_over_their_columns():
    text = build(RECORDS, form="latex", beside=True)
    assert r" & \multicolumn{2}{c}{Some CPU (tuning tuned)} & \multicolumn{1}{c}{Some CPU (tuning stock)} \\" in text
    assert r"\cmidrule(lr){2-3} \cmidrule(lr){4-4}" in text
    assert r"\begin{tabular}{lrrr}" in text and r"\begin{tabular}{lrrrr}" in text


@given(st.text(alphabet="a&%$#_{}~^\\<>|±é ", max_size=30))
def test_latex_escapes_whatever_a_network_is_called(name):
    shown = latex_cells(build([record(model={"display_name": f"x{name}x"})], form="latex"))
    assert len(shown) == 1 and len(shown[0]) == 2  # no character of the name ends a cell or a line
    named = r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar)\{\}"
    plain = re.sub(named + r"|\\[&%$#_{}]|\$\\pm\$", "", shown[0][0])
    assert not set(plain) & set("&%$#_{}~^\\<>|±")


@pytest.mark.parametrize("options", ["", "--format csv", "--format json", "--format latex", "--side-by-side"])
def test_the_command_writes_a_file_whole(tmp_path, capsys, options):
    results, target = tmp_path / "a.jsonl", tmp_path / "report.txt"
    for one in RECORDS:
        store.append(results, one)
    assert main(["report", str(results), *options.split()]) == 0
    printed = capsys.readouterr().out
    assert main(["report", str(results), *options.split(), "--output", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == printed and "100.0" in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "report.txt"]


@pytest.mark.parametrize("options, message", [
    (["--side-by-side", "--format", "csv"], "--side-by-side is for markdown and latex"),
    (["--plot", "speed"], "give --plots FOLDER"),
    (["--plots", "plots", "--output", "x"], "leave out --output"),
    (["--networks", "nim"], "did you mean nin"),
    (["--sort", "size"], "is not one of 'published'"),
])
def test_options_that_cannot_be_met_are_refused_in_one_line(tmp_path, capsys, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    for one in RECORDS:
        store.append("a.jsonl", one)
    assert main(["report", "a.jsonl", *options]) == 2
    out, error = capsys.readouterr()
    assert message in error and error.count("\n") == 1 and not out
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
