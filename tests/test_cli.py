"""The commands as a user types them, in processes of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from mxbench.cli import COMMANDS
from mxbench.results import store

ROOT = Path(__file__).resolve().parents[1]
TINY = f"{ROOT}/tests/data/small_networks.py:tiny"
BRIEF = ["--data", "synthetic", "--image-shape", "3,32,32", "--max-seconds", "0.3", "--min-seconds", "0.1"]


@pytest.fixture(autouse=True)
def own_locks(tmp_path_factory, monkeypatch):
    """A temporary folder of its own, so that no other run on this machine is waited for."""
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("locks")))


def call(*arguments, cwd, command=("-m", "mxbench")):
    """Run a command; returns its exit code, what it printed and what it said on standard error."""
    done = subprocess.run([sys.executable, *command, *map(str, arguments)], cwd=str(cwd), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("arguments, said", [
    (["run", "--networks", "resnet-5O"], "did you mean resnet-50?"),
    (["run", "--networks", "resnet-50,caffnet"], "did you mean caffenet?"),
    (["run", "--networks", ""], "name at least one value"),
    (["run", "--network", "missing.py:net"], "missing.py"),
    (["run", "--network", f"{ROOT}/tests/data/small_networks.py:nothing"], "nothing"),
    (["run", "--network", f"{ROOT}/tests/data/small_networks.py:not_a_symbol", *BRIEF], "not an mx.sym.Symbol"),
    (["run", "--batch-sizes", "0"], "'0' is no batch size: give whole numbers from 1 on"),
    (["run", "--batch-sizes", "10,-1"], "'-1' is no batch size"),
    (["run", "--batch-size", "ten"], "'ten' is no batch size"),
    (["run", "--gpus", "0"], "the CPU build"),
    (["run", "--gpus", "zero"], "give different GPU numbers"),
    (["run", "--gpus", "0,0"], "give different GPU numbers"),
    (["run", "--image-shape", "224"], "such as 3,224,224"),
    (["run", "--dtype", "float16"], "on GPUs only"),
    (["run", "--data", "synthetic", "--data-train", "x.rec"], "leave --data-train out"),
    (["run", "--data", "synthetic", "--num-examples", "100"], "leave --num-examples out"),
    (["run", "--protocol", "published", "--num-classes", "1000"], "protocol published has 10 classes"),
    (["run", "--data-train", "missing.rec"], "missing.rec"),
    (["run", "--memory-limit", "much"], "such as 8GiB"),
    (["run", "--output", "."], "is a folder"),
    (["run", "--output", "no/such/folder.jsonl"], "there is no folder no/such"),
    (["run", "--network", TINY, "--optimizer", "adm", *BRIEF], "did you mean adam?"),
    (["run", "--netwrok", "nin"], "o such option"),
    (["rnu"], "did you mean run?"),
    (["aa", "--network", "nin"], "aa measures one cell"),
    (["report", "missing.jsonl"], "cannot read the results file missing.jsonl"),
    (["check", "missing.jsonl"], "cannot read the results file missing.jsonl"),
    (["export", "--networks", "nni"], "did you mean nin?"),
    (["data", "pack", "missing", "out.rec"], "missing"),
])
def test_bad_input_is_one_line_with_exit_code_2_and_nothing_is_written(tmp_path, arguments, said):
    code, printed, error = call(*arguments, cwd=tmp_path)
    assert (code, printed) == (2, "")
    assert error.startswith("mxbench: error: ") and error.count("\n") == 1, error
    assert said in error
    assert list(tmp_path.iterdir()) == []


def test_a_run_keeps_its_results_and_goes_on_where_it_stopped(tmp_path):
    sizes = ["run", "--network", TINY, *BRIEF, "--batch-sizes"]
    code, printed, error = call(*sizes, "4", cwd=tmp_path)
    assert (code, printed) == (0, ""), error
    assert "[1/1] small_networks:tiny batch 4: " in error
    code, _, error = call(*sizes, "4,8", cwd=tmp_path)
    assert code == 0
    assert "1 of 2 measurements are in the results file already" in error
    assert "[2/2] small_networks:tiny batch 8: " in error and "batch 4" not in error
    records, problems = store.read(tmp_path / "mxbench-results.jsonl")
    assert [(record.cell.batch_size, record.status) for record in records] == [(4, "ok"), (8, "ok")] and not problems
    code, _, error = call(*sizes, "4", "--again", cwd=tmp_path)
    assert code == 0 and len(store.read(tmp_path / "mxbench-results.jsonl")[0]) == 3
    code, printed, _ = call("report", "mxbench-results.jsonl", cwd=tmp_path)
    assert code == 0 and printed.count("|small_networks:tiny") == 2


def test_run_all_prints_the_tables_of_what_was_asked_for(tmp_path):
    script = (str(ROOT / "scripts" / "run_all.py"),)
    call("--network", TINY, *BRIEF, "--batch-size", "2", cwd=tmp_path, command=script)
    code, printed, error = call("--network", TINY, *BRIEF, "--batch-size", "4", cwd=tmp_path, command=script)
    assert code == 0, error
    assert printed.startswith("# Benchmark\n") and "## Memory usage (MiB)" in printed
    assert "batch size: 4\n" in printed and "images/sec" in error


@pytest.mark.slow
def test_an_a_a_test_compares_neighbouring_processes(tmp_path):
    code, printed, error = call("aa", "--network", TINY, "--batch-size", "4", *BRIEF, "--pairs", "2",
                                "--output", "aa.jsonl", cwd=tmp_path)
    assert code in (0, 1), error  # a busy machine may make a difference
    assert printed.startswith("pair 1: ") and "pair 2: " in printed and "largest difference: " in printed
    assert [record.repeat for record in store.read(tmp_path / "aa.jsonl")[0]] == [0, 1, 2, 3]


def test_check_trusts_nothing_that_has_no_interval(tmp_path):
    code, printed, _ = call("check", ROOT / "results" / "published-titan-x.jsonl", cwd=tmp_path)
    assert code == 1
    assert "too few windows for an interval: CaffeNet 10" in printed
    assert printed.endswith("2 of 64 cells are to be trusted\n")  # the two that ran out of memory


def test_networks_are_listed_with_their_counts(tmp_path):
    code, printed, _ = call("networks", cwd=tmp_path)
    lines = [line.split() for line in printed.splitlines()]
    assert code == 0 and len(lines) == 17
    assert ["resnet-50", "3x224x224", "25,549,486", "4,089,184,256", "92.6", "%"] in lines
    assert ["resnet-200", "3x224x224", "64,666,286", "15,007,481,856", "unknown"] in lines


def test_exported_symbols_are_those_of_the_repository(tmp_path):
    code, printed, _ = call("export", "--networks", "nin,caffenet", "--output", "out", cwd=tmp_path)
    assert code == 0 and printed.split() == ["out/nin-symbol.json", "out/caffenet-symbol.json"]
    for name in ("nin", "caffenet"):
        file = f"{name}-symbol.json"
        assert (tmp_path / "out" / file).read_bytes() == (ROOT / "symbols" / file).read_bytes()
    (tmp_path / "out" / "nin-symbol.json").write_text("{}")
    code, printed, _ = call("export", "--networks", "nin,caffenet", "--output", "out", "--check", cwd=tmp_path)
    assert code == 1 and "nin" in printed and "caffenet" not in printed


@pytest.mark.parametrize("arguments", [
    ["--help"], ["--version"], ["networks"], ["report", str(ROOT / "results/published-titan-x.jsonl")],
    ["check", str(ROOT / "results/published-titan-x.jsonl")], *([name, "--help"] for name in COMMANDS),
])
def test_what_measures_nothing_does_not_import_mxnet(tmp_path, arguments):
    script = f"import sys; from mxbench.cli import main; main({arguments!r}); sys.exit('mxnet' in sys.modules)"
    code, printed, _ = call(cwd=tmp_path, command=("-c", script))
    assert code == 0 and printed


def test_the_family_modules_serve_other_projects(tmp_path):
    script = "from mxbench.symbols import resnext; print(resnext.get_symbol(1000, 101, '3,224,224'))"
    assert call(cwd=tmp_path, command=("-c", script))[:2] == (0, "<Symbol softmax>\n")


def test_output_into_a_closed_pipe_is_no_error(tmp_path):
    command = f"{sys.executable} -m mxbench report {ROOT}/results/published-titan-x.jsonl | true"
    done = subprocess.run(["bash", "-c", command], cwd=str(tmp_path), stderr=subprocess.PIPE, check=False)
    assert done.stderr == b""
