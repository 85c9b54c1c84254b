"""The programs in benchmarks/: processes take turns, their rows are complete, and odd input is one line."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mxbench.errors import UserError

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"

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


@pytest.fixture
def turns(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import turns

    return turns


def run(program, *arguments):
    return subprocess.run([sys.executable, str(FOLDER / program), *arguments], timeout=300, universal_newlines=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_processes_take_turns(turns, tmp_path):
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


def test_a_process_that_fails_is_named_with_its_last_line(turns):
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


@pytest.mark.parametrize("program, arguments, expected", [
    ("against_stock.py", ("--networks", "resnet-51"), "resnet-50"),
    ("against_pytorch.py", ("--networks", "nin"), "PyTorch has no peer of 'nin'"),
    ("against_pytorch.py", ("--rounds", "2"), "--rounds"),
])
def test_odd_input_is_refused(program, arguments, expected):
    done = run(program, *arguments)
    assert done.returncode == 2 and expected in done.stderr and done.stderr.count("\n") == 1
