"""The programs in benchmarks/: processes take turns, their rows are complete, and odd input is one line."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxbench import predict
from mxbench.errors import UserError
from mxbench.symbols import get_network, get_symbol

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.append(str(FOLDER))

import step_profile  # noqa: E402
import turns  # noqa: E402

# Sleeps for a step, so that its speed is known, and writes down when.
SLEEPER = f"""
import sys, time
sys.path.insert(0, {str(FOLDER)!r})
from turns import Over, Turns
name, seconds, log = sys.argv[1], float(sys.argv[2]), open(sys.argv[3], "a", buffering=1)
turns = Turns(4)
try:
    while True:
        began = time.monotonic()
        time.sleep(seconds)
        log.write(f"{{name}} {{began}} {{time.monotonic()}}\\n")
        turns()
except Over:
    pass
"""


def run(program, *arguments):
    return subprocess.run([sys.executable, str(FOLDER / program), *arguments], timeout=300, universal_newlines=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_processes_take_turns(tmp_path):
    log = tmp_path / "log"
    commands = {name: ([sys.executable, "-c", SLEEPER, name, seconds, str(log)], dict(os.environ))
                for name, seconds in (("slow", "0.04"), ("fast", "0.01"))}
    found = turns.rounds(commands, count=6, at_least=0, seconds=0.06)
    assert len(found["slow"]) == len(found["fast"]) == 6
    assert max(found["slow"]) <= 4 / 0.04 and max(found["fast"]) <= 4 / 0.01
    steps = sorted((float(began), float(ended)) for _, began, ended in map(str.split, log.read_text().splitlines()[2:]))
    assert all(one[1] <= other[0] for one, other in zip(steps, steps[1:])), "two processes worked at the same time"
    found = turns.ratio(found["fast"], found["slow"])
    assert found.low <= found.value <= found.high and found.value > 1


def test_rounds_go_on_until_they_have_lasted_long_enough(tmp_path):
    command = ([sys.executable, "-c", SLEEPER, "one", "0.01", str(tmp_path / "log")], dict(os.environ))
    began = turns.time.perf_counter()
    assert len(turns.rounds({"one": command}, count=6, at_least=1.5, seconds=0.02)["one"]) > 6
    assert turns.time.perf_counter() - began > 1.5


def test_a_process_that_fails_is_named_with_its_last_line():
    command = [sys.executable, "-c", "import sys; print('turn 0 0', flush=True); sys.stdin.readline(); sys.exit('no memory')"]
    with pytest.raises(UserError, match="^peer ended: no memory$"):
        turns.rounds({"peer": (command, dict(os.environ))}, 6, 0, 0.01)


def test_tuned_and_stock_mxnet_stand_in_one_row():
    done = run("against_stock.py", "--networks", "squeezenet", "--batch-size", "1", "--seconds", "0.05", "--at-least", "0")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\| squeezenet \| [\d.]+ \| [\d.]+ \| [\d.]+ \([\d.]+ to [\d.]+\) \|$", done.stdout, re.MULTILINE)
    assert re.search(r"^geometric mean of 1 networks: [\d.]+$", done.stdout, re.MULTILINE)


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is installed")
def test_without_pytorch_one_line_says_how_to_install_it():
    done = run("against_pytorch.py")
    assert done.returncode == 2 and done.stdout == ""
    assert re.fullmatch(r"against_pytorch\.py: error: torch is not installed: run pip install '\.\[peers\]' .*\n", done.stderr)


def test_the_models_of_pytorch_are_the_zoo_s_down_to_the_number_of_parameters():
    pytest.importorskip("timm", reason="'.[peers]' is not installed")
    from against_pytorch import PEERS
    from train_pytorch import build

    for name, peer in PEERS.items():
        expected = predict.count_parameters(predict.load(get_symbol(name, 1000)), get_network(name).image_shape)
        found = sum(parameter.numel() for parameter in build(peer.library, peer.model, peer.stem).parameters())
        assert (found == expected) != bool(peer.unlike), f"{name}: {found} against {expected}"


@pytest.mark.slow
def test_the_time_of_a_step_is_taken_apart():
    done = run("step_profile.py", "--networks", "squeezenet,caffenet", "--batch-size", "1", "--steps", "2")
    assert done.returncode == 0, done.stderr
    rows = {row[0]: row[1:] for row in (line.strip("| ").split(" | ") for line in done.stdout.splitlines()[2:]) if row[1:]}
    assert rows["ms of a step"] == ["squeezenet", "caffenet"]
    for column in (0, 1):
        kinds = {name: float(row[column]) for name, row in rows.items() if row[column].isdigit()}
        step = kinds.pop("all")
        assert kinds["convolutions"] > 0 and abs(sum(kinds.values()) - step) < 0.2 * step + len(kinds)
    assert float(rows["fully connected"][1]) > float(rows["fully connected"][0]) == 0


@given(st.lists(st.tuples(st.sampled_from(["convolution", "reorder", "sum", "binary", "shuffle"]), st.floats(0, 1e3))))
def test_lines_of_onednn_s_log_add_up(primitives):
    log = ["dnnl_verbose,info,oneDNN v2.0.0 (commit 0)", "[12:00:00] a line of MXNet's, with commas"]
    log += [f"dnnl_verbose,exec,cpu,{kind},jit:avx2,undef,src_f32::blocked:abcd:f0,,,8x8,{time!r}" for kind, time in primitives]
    found = step_profile.milliseconds(log)
    assert sum(found.values()) == pytest.approx(sum(time for _, time in primitives))
    assert found["sums"] == pytest.approx(sum(time for kind, time in primitives if kind in ("sum", "binary")))


@pytest.mark.parametrize("program, arguments, expected", [
    ("against_stock.py", ("--networks", "resnet-51"), "resnet-50"),
    ("against_pytorch.py", ("--networks", "nin"), "PyTorch has no peer of 'nin'"),
    ("against_pytorch.py", ("--rounds", "2"), "--rounds"),
    ("step_profile.py", ("--steps", "0"), "--steps"),
])
def test_odd_input_is_refused(program, arguments, expected):
    done = run(program, *arguments)
    assert done.returncode == 2 and expected in done.stderr and done.stderr.count("\n") == 1
