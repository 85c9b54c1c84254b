"""The scaling report says what was measured and what was predicted, and never puts unlike things into one table."""

import csv
import io
import json

import pytest

from mxbench.errors import UserError
from mxbench.report import page
from mxbench.report.document import build as build_report
from mxbench.report.readme import regenerate
from mxbench.report.scaling import build
from mxbench.report.workers import arrange
from mxbench.results import store
from mxbench.results.record import ERROR

from records import record, team

TEAMS = [team(1, 5.0), team(2, 9.4, 1.2), team(4, 17.9, 1.6)]


def lines_of(text):
    """The cells of each line of the tables, without the heads."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    found = [[cell.strip() for cell in line] for line in lines]
    return [cells for cells in found if cells[0][0].isdigit()]


def figures(records, **options):
    return [row for table in json.loads(build(records, form="json", **options))["tables"] for row in table["rows"]]


def test_rows_have_speed_efficiency_the_parts_of_a_step_and_what_was_sent():
    text = build(TEAMS)
    one, two, four = lines_of(text)
    assert one[:4] == ["1", "5.00 ±2.0%", "1.00", "100.0%"]
    assert two == ["2", "9.40 ±2.0%", "1.88", "94.0%", "6,808.5", "6,200.0", "1,200.0", "50.0", "641.5", "100.5",
                   "100.2", "1.00"]
    assert four[2:4] == ["3.58", "89.5%"]
    for said in ("## Scaling of resnet-50, batch size 32 for each worker", "- CPU: Some CPU", "- MXNet: mxnet 1.9.1",
                 "kvstore dist_sync (as many servers as workers)", "gradients: 100.0 MB, compression: none"):
        assert said in text
    assert "predicted" not in text and "Notes" not in text


def test_numbers_of_threads_that_differ_by_row_are_all_named():
    rows = [team(workers, 5.0, variables={"OMP_NUM_THREADS": threads}) for workers, threads in ((1, "4"), (2, "2"), (4, "1"))]
    assert "tuned (OMP_NUM_THREADS=4 or 2 or 1)" in build(rows)
    assert "tuned (OMP_NUM_THREADS=4)" in build(rows[:1])


def test_without_one_worker_there_is_no_efficiency():
    two, four = lines_of(build(TEAMS[1:]))
    assert two[:4] == ["2", "9.40 ±2.0%", "—", "—"] and four[2:4] == ["—", "—"]


def test_the_speed_is_that_of_all_workers_over_all_records_of_a_cell():
    again = team(2, 9.6, repeat=1)
    row = figures([TEAMS[0], TEAMS[1], again])[1]
    assert row["images_per_second"] == pytest.approx(9.5)
    assert row["images_per_second_low"] < 9.4 and row["images_per_second_high"] > 9.6


@pytest.mark.parametrize("unlike", [
    {"gc_type": "2bit"}, {"kv_store": "dist_async"}, {"protocol": "published"},
    {"machine": {"cpu": "Another", "cores": 4}}, {"network": "nin"}, {"batch_size": 16},
    {"variables": {"MXNET_X": "1"}}, {"data": "synthetic"},
])
def test_unlike_records_never_share_a_table(unlike):
    tables = arrange([*TEAMS, *(team(workers, 4.0 * workers, **unlike) for workers in (1, 2))])
    assert [[row.workers for row in table.rows] for table in tables] == [[1, 2, 4], [1, 2]]


def test_servers_share_a_table_if_they_are_as_many_or_one_for_each_worker():
    fixed = [team(workers, 5.0 * workers, servers=2) for workers in (1, 2, 4)]
    table, = arrange(fixed)
    assert not table.as_many_servers and table.servers(16) == 2 and "(2 servers)" in build(fixed)
    table, = arrange(TEAMS)
    assert table.as_many_servers and table.servers(16) == 16
    tables = arrange([*TEAMS, fixed[0], fixed[2]])
    assert [(table.as_many_servers, [row.workers for row in table.rows]) for table in tables] == [
        (True, [1, 2, 4]), (False, [1, 2, 4])]
    table, = arrange([team(1, 5.0)])
    assert table.servers(8) == 8


def test_predicted_rows_stand_under_the_measured_ones_and_say_so():
    text = build(TEAMS, predicted_workers=(8, 2), bandwidth=125e6)
    lines = lines_of(text)
    assert [cells[0] for cells in lines] == ["1", "2", "4", "2, predicted", "8, predicted"]
    # One worker takes 6.4 s; 2 workers exchange 100 MB over each host's link, in 0.8 s.
    assert lines[3][1].endswith("(8.89 - 10.00)") and lines[3][4].endswith("(6,400.0 - 7,200.0)")
    assert lines[3][5:9] == ["—"] * 4 and lines[3][9:] == ["100.0", "100.0", "1.00"]
    for said in ("predicted, not measured", "1 Gbit/s each way (given)", "servers on the workers' hosts",
                 "as with 1 worker;",
                 "2 workers, predicted: the busiest link, that of a host with a worker and a server, carries 100.0 MB"):
        assert said in text


def test_the_bandwidth_is_read_from_the_most_workers_where_none_is_given():
    text = build(TEAMS, predicted_workers=(4,))
    # 150 MB of each host's link in 1.6 s, of which 0.3 s pass with one worker too.
    assert "923 Mbit/s each way (read from push and pull of 4 workers)" in text
    *_, measured, predicted = figures(TEAMS, predicted_workers=(4,))
    assert predicted["bandwidth"] == pytest.approx(150e6 / 1.3)
    assert predicted["images_per_second"] == pytest.approx(measured["images_per_second"])
    assert predicted["images_per_second_low"] < predicted["images_per_second"] < predicted["images_per_second_high"]


def test_workers_on_one_host_tell_no_bandwidth():
    crowded = [team(1, 5.0), team(2, 6.0, 1.2, hosts=("one", "one"))]
    text = build(crowded, predicted_workers=(4,))
    assert "not predicted: no bandwidth can be read" in text and len(lines_of(text)) == 2
    assert "- 2 workers: on fewer hosts than that, whose processors they share" in text
    row = figures(crowded, predicted_workers=(4,), bandwidth=125e6)[-1]
    assert row["predicted"] and row["images_per_second"] is None and row["efficiency_high"] == 1.0


def test_servers_apart_take_nothing_off_the_network_and_carry_more():
    row = figures(TEAMS[:1], predicted_workers=(4,), bandwidth=125e6, apart=True)[-1]
    assert row["step_seconds_low"] == pytest.approx(6.25) and row["step_seconds_high"] == pytest.approx(6.25 + 1.6)


def test_failed_cells_are_rows_and_say_why():
    failed = record("resnet-50", 32, status=ERROR, message="worker 3 lost its server", workers=8, servers=8,
                    kv_store="dist_sync")
    text = build([*TEAMS, failed], predicted_workers=(8,))
    assert lines_of(text)[3] == ["8", "failed", *["—"] * 10]
    assert "- 8 workers: failed: worker 3 lost its server" in text
    alone = build([failed], predicted_workers=(8,), bandwidth=1e9)
    assert lines_of(alone) == [["8", "failed", *["—"] * 10]] and "not predicted" in alone


def test_doubts_name_the_workers_that_they_concern():
    doubtful = [team(1, 5.0), team(2, 9.0, warnings=({"warning": "drift", "detail": "+6.0%"},))]
    assert "was shared: 2 workers" in build(doubtful)


def test_csv_and_json_hold_all_rows_with_their_conditions():
    rows = list(csv.DictReader(io.StringIO(build(TEAMS, (8,), form="csv"))))
    assert [(row["workers"], row["predicted"]) for row in rows] == [
        ("1", "False"), ("2", "False"), ("4", "False"), ("8", "True")]
    assert {row["kv_store"] for row in rows} == {"dist_sync"}
    assert rows[1]["communicate_seconds"] == "1.2" and rows[3]["communicate_seconds"] == ""
    table, = json.loads(build(TEAMS, form="json"))["tables"]
    assert table["gc_type"] == "none" and "workers" not in table and len(table["rows"]) == 3
    with pytest.raises(UserError, match="no format latex"):
        build(TEAMS, form="latex")


def test_results_without_workers_say_how_to_measure_some():
    with pytest.raises(UserError, match="mxbench scale"):
        build([record()])


def test_the_other_reports_keep_numbers_of_workers_apart(monkeypatch):
    text = build_report(TEAMS)
    assert text.count("## Speed") == 3 and "kvstore dist_sync (4 workers, 4 servers; batch size of each worker)" in text
    assert "(1 worker, 1 server; " in text
    monkeypatch.setattr(page.plots, "collect", lambda records, kinds: ([], []))
    html = page.build(TEAMS)
    assert html.count('<section id="conditions-') == 3 and "4 workers, 4 servers" in html


def test_a_page_shows_the_figure_over_all_numbers_of_workers_once(monkeypatch):
    monkeypatch.setattr(page.plots.Plot, "draw", lambda plot, form: b"<svg/>")
    assert page.build(TEAMS).count("<figcaption>speed and efficiency over the number of workers") == 1


def test_the_report_can_stand_in_a_page_that_follows_the_results(tmp_path):
    for one in TEAMS:
        store.append(tmp_path / "a.jsonl", one)
    text = regenerate("<!-- begin scaling a.jsonl -->\n<!-- end scaling -->\n", tmp_path).text
    assert "### Scaling of resnet-50" in text and lines_of(text)[1][3] == "94.0%"
