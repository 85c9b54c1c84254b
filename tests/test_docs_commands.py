"""Every command of README.md and docs/ is run as it stands there, in a folder that has what it names.

What would measure for long gets further options that make it short, and is left to ``make test-slow``. What is not run
is listed with the reason; tests/test_docs.py has its options read all the same.
"""

import dataclasses
import os
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from docs_pages import ROOT, blocks, commands, program

from mxbench.cli import main
from mxbench.results import store
from mxbench.symbols import get_symbol

# Commands that are not run, by how they begin or by an option, and why.
NOT_RUN = {
    "make ": "sets up .venv, for which tests/test_setup.py has a stand-in, and then runs what is tested here",
    "pip install ": "installs packages",
    "python3.11 -m venv ": "makes an environment",
    ". .venv/bin/activate": "changes the shell that it is typed into",
    "--gpus": "needs an NVIDIA GPU; tests/gpu runs what needs one on stand-in libraries",
    "--dask": "needs a cluster, which tests/test_sweep_dask.py makes",
    "--hosts": "needs other machines, for which tests/test_distributed_ssh.py has a stand-in",
    "dask ": "goes on until it is stopped; tests/test_sweep_dask.py starts the same",
    "CUDA_VISIBLE_DEVICES=": "the same, and needs NVIDIA GPUs",
    "python benchmarks/scaling_network.py": "needs root and tc, to make networks",
    "docker ": "needs Docker",
    "kubectl ": "needs a Kubernetes cluster; tests/test_manifests.py validates what it is given",
}
# Commands that measure, need MXNet or draw much, by how they begin, with further options so that they take seconds.
BRIEF = "--max-seconds 0.4 --min-seconds 0.1 --batch-size 2"
SLOW = {
    "mxbench run ": BRIEF,
    "mxbench scale ": BRIEF,
    "mxbench aa ": f"{BRIEF} --data synthetic --pairs 1",
    "mxbench convert ": "",
    "mxbench export ": "",
    "mxbench networks --all": "",
    "mxbench predict --network my_nets.py:my_net ": "",
    "mxbench report mxbench-results.jsonl --plots ": "",
    "mxbench report results/published-titan-x.jsonl --plots ": "",
    "mxbench report results/my-machine.jsonl --html ": "",
    "python benchmarks/against_": "--networks resnet-18 --batch-size 1 --seconds 0.05 --at-least 0",
    "python benchmarks/step_profile.py": "--networks resnet-18 --batch-size 1 --steps 1",
    "python scripts/export_symbols.py": "",
    "python scripts/regenerate_readme.py": "",
    "python scripts/run_all.py": BRIEF,
}
# Exit codes other than 0: a check that finds something says so.
CODES = {
    "mxbench aa ": {0, 1},
    "mxbench check ": {1},
    "mxbench compare before.jsonl after.jsonl --fail-on slower": {1},
    "mxbench doctor": {0, 1},
}


def first(table, command, otherwise):
    """The entry of a table for a command."""
    return next((table[start] for start in table if command.startswith(start)), otherwise)


def is_run(command):
    return not any(command.startswith(start) or start in command.split() for start in NOT_RUN)


def is_slow(command):
    return first(SLOW, command, None) is not None


RUN = [command for command in commands() if is_run(command)]

# What commands name


def results(path, networks=("caffenet", "nin", "resnet-50"), faster=1.0, **fields):
    """A results file with some of the cells in results/, some fields of the cells and of the records changed."""
    of_cell = {name: fields.pop(name) for name in ("tuning", "frontend") if name in fields}
    for record in store.read(ROOT / "results" / "cpu-2-cores.jsonl")[0]:
        if record.cell.network in networks:
            low, high = record.speed.interval or (0, 0)
            speed = dataclasses.replace(record.speed, images_per_second=record.speed.images_per_second * faster,
                                        interval=(low * faster, high * faster) if low else None)
            cell = dataclasses.replace(record.cell, **of_cell)
            store.append(path, dataclasses.replace(record, cell=cell, speed=speed, **fields))


def my_nets(path):
    """The file that docs/add-network.md shows."""
    path.write_text(next(block.text for block in blocks("python") if "def my_net(" in block.text))


def photos(path):
    from PIL import Image

    for number, name in enumerate(("cats", "dogs")):
        (path / name).mkdir(parents=True)
        for shade in range(8):
            Image.new("RGB", (300, 280), (30 * shade, 100 * number, 90)).save(path / name / f"{shade}.jpg")


def packed(path):
    photos(path.with_name("photos"))
    assert main(["data", "pack", str(path.with_name("photos")), str(path)]) == 0


def checkpoint(path):
    """Parameters of ResNet-50 under the zoo's names, random."""
    from gluon_bench import random_parameters

    from mxbench.gluon import files

    files.write(path, random_parameters(get_symbol("resnet-50"), (3, 224, 224)))


def converted(path):
    zoo = path.with_name("resnet-50-0000.params")
    checkpoint(zoo)
    assert main(["convert", str(zoo), "--network", "resnet-50", "--to", "gluon", "--output", str(path)]) == 0


ANOTHER = {"cpu": "Another CPU", "cores": 4, "memory_gib": 32}
# How to make what commands name, by its name.
FILES = {
    "mxbench-results.jsonl": results,
    "quick.jsonl": results,
    "before.jsonl": results,
    "after.jsonl": lambda path: results(path, faster=0.8),
    "tuned.jsonl": results,
    "stock.jsonl": lambda path: results(path, faster=0.6, tuning="stock", variables={}),
    "here.jsonl": results,
    "there.jsonl": lambda path: results(path, machine=ANOTHER, variables={}),
    "symbol.jsonl": results,
    "gluon.jsonl": lambda path: results(path, frontend="gluon"),
    "results/my-machine.jsonl": lambda path: results(path, machine=ANOTHER),
    "my_nets.py": my_nets,
    "my-net-symbol.json": lambda path: shutil.copy(ROOT / "symbols" / "inception-v3-symbol.json", path),
    "photos/": photos,
    "train.rec": packed,
    "resnet-50-0000.params": checkpoint,
    "resnet-50.params": converted,
}


@pytest.fixture
def folder(tmp_path, tmp_path_factory, monkeypatch):
    """A folder with the programs and results of the repository, in which commands are run."""
    for name in ("benchmarks", "scripts"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("results", "symbols"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    base = tmp_path_factory.getbasetemp()
    for variable, name in (("TMPDIR", "locks"), ("MXBENCH_CACHE", "cache")):  # one for all: the peak is kept there
        (base / name).mkdir(exist_ok=True)
        monkeypatch.setenv(variable, str(base / name))
    return tmp_path


def outputs(command):
    """The files that a command writes."""
    words = shlex.split(command)
    found = [words[place + 1] for place, word in enumerate(words) if word in ("--output", "--html", "--plots")]
    return found + words[-1:] * command.startswith("mxbench data pack ")


def prepare(folder, command):
    """Make what a command reads."""
    for word in shlex.split(command):
        name = word.partition(":")[0]
        if name in FILES and word not in outputs(command) and not (folder / name).exists():
            FILES[name](folder / name)


def shortened(command):
    """The command with what makes it short: a small network unless it names some, no images unless it names a file."""
    more = first(SLOW, command, "")
    if BRIEF == more:
        more += " --networks squeezenet" * ("--network" not in command)
        more += " --data synthetic" * ("--data-" not in command)
    return f"{command} {more}"


def test_every_command_is_one_of_the_programs_or_is_known_not_to_be_run():
    assert [command for command in RUN if not program(command)] == []
    assert all(any(start in command for command in commands()) for start in (*NOT_RUN, *SLOW, *CODES))


@pytest.mark.parametrize("command", [command for command in RUN if not is_slow(command)])
def test_a_quick_command_works(folder, command, capsys):
    prepare(folder, command)
    found, arguments = program(command)
    code = main(arguments, command=found)
    printed = capsys.readouterr()
    assert code in first(CODES, command, {0}), printed.err
    assert printed.out or outputs(command)
    assert all((folder / name).exists() for name in outputs(command))


def skip_without_what_it_needs(command):
    torch, gluoncv = (find_spec(name) is not None for name in ("torch", "gluoncv"))
    if "against_pytorch" in command and not torch:
        pytest.skip("PyTorch is not installed: pip install '.[peers]'")
    if "gluoncv:" in command and not gluoncv:
        pytest.skip("GluonCV is not installed: scripts/setup.sh cpu,gluon")


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in RUN if is_slow(command)])
def test_a_slow_command_works(folder, command):
    skip_without_what_it_needs(command)
    prepare(folder, command)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", shortened(command)], env={**os.environ, "PATH": path}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, timeout=300, check=False)
    assert done.returncode in first(CODES, command, {0}), done.stderr
    assert all((folder / name).exists() for name in outputs(command))


# What has to be there before a snippet.
BEFORE = {
    "symbols.register_network": "from my_nets import my_net as my_get_symbol\n",
    "from mxbench.symbols import register_network": "from my_nets import my_net\n",
    "setup(name=": "from setuptools import setup\nimport sys\nsys.argv[1:] = ['--quiet', '--name']\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: f"{block.page}-{block.text[:20]!r}")
def test_a_snippet_runs(folder, block):
    my_nets(folder / "my_nets.py")
    shutil.copy(ROOT / "symbols" / "nin-symbol.json", folder / "original-symbol.json")
    if "resnet-50.params" in block.text:
        converted(folder / "resnet-50.params")
    before = "".join(text for mark, text in BEFORE.items() if mark in block.text)
    (folder / "snippet.py").write_text(before + block.text)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (folder, ROOT, ROOT / "tests")))}
    done = subprocess.run([sys.executable, "snippet.py"], env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
