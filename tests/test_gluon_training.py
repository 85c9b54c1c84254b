"""``--frontend gluon`` trains the same network from the same start as Module, and its records are kept apart."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mxbench import data
from mxbench.errors import UserError
from mxbench.gluon import zoos
from mxbench.measure.frontends import trainer_of
from mxbench.measure.job import Job
from mxbench.measure.workload import Workload
from mxbench.results import store
from mxbench.results.record import Cell, Record, from_line, to_line

ROOT = Path(__file__).resolve().parents[1]
TINY = f"{ROOT}/tests/data/small_networks.py:tiny"
SYNTHETIC = dataclasses.asdict(data.DataSpec("synthetic", None, 0))
CELL = Cell("resnet-18", 4, image_shape=(3, 48, 48), num_classes=10, wd=0.01, frontend="gluon")


class Enough(Exception):
    pass


def train(cell, batches=3):
    """The trainer after some batches, and the loss of each of them."""
    workload = Workload(Job(cell, data=SYNTHETIC))
    trainer, losses = trainer_of(cell, workload.symbol, workload.iterator), []

    def callback(param):
        losses.append(dict(param.eval_metric.get_name_value())["cross-entropy"])
        param.eval_metric.reset()
        if len(losses) == batches:
            raise Enough

    with pytest.raises(Enough):
        trainer.fit(callback)
    return trainer, losses


@pytest.mark.parametrize("cell", [
    CELL, dataclasses.replace(CELL, optimizer="adam", lr=0.001),
    dataclasses.replace(CELL, network="gluon:resnet18_v1", image_shape=(3, 64, 64), lr=0.001),
], ids=["resnet-18", "adam", "a model of Gluon's zoo"])
def test_both_frontends_learn_alike_from_the_same_start(cell):
    trainer, losses = train(cell)
    module, expected = train(dataclasses.replace(cell, frontend="symbol"))
    assert losses == pytest.approx(expected, rel=1e-3)
    assert len(set(losses)) == 3  # the parameters change from step to step
    assert trainer.parameter_count() == module.parameter_count()
    assert trainer.images_per_device() == module.images_per_device() == [4]


def test_the_same_parameters_decay():
    cell = dataclasses.replace(CELL, network="gluon:resnet18_v1", image_shape=(3, 64, 64))
    optimizer = train(dataclasses.replace(cell, frontend="symbol"), 1)[0].module._optimizer
    expected = {name: optimizer._get_wds([index])[0] for index, name in optimizer.idx2name.items()}
    trainer = train(cell, 1)[0]._trainer
    found = {one.name: trainer._optimizer._get_wds([index])[0] for index, one in enumerate(trainer._params)
             if one.grad_req != "null"}
    assert found == expected and set(found.values()) == {0.0, 0.01}


def test_several_devices_share_a_batch_and_hold_the_same_weights():
    trainer, losses = train(dataclasses.replace(CELL, devices=("cpu(0)", "cpu(1)"), batch_size=5))
    assert trainer.images_per_device() == [3, 2]
    assert np.isfinite(losses).all()
    for one in trainer.block.collect_params().values():
        if one.grad_req != "null":
            first, second = (array.asnumpy() for array in one.list_data())
            assert np.array_equal(first, second), one.name


def test_an_unknown_optimizer_is_refused_with_the_nearest_name():
    with pytest.raises(UserError, match="did you mean adam"):
        train(dataclasses.replace(CELL, optimizer="adm"))


def test_images_for_which_the_symbol_is_another_network_are_refused():
    with pytest.raises(UserError, match="resnet-18 .* cannot|not the same network|num_layers"):
        train(dataclasses.replace(CELL, network="resnet-200", image_shape=(3, 32, 32)))


def test_records_from_before_there_was_a_choice_are_of_the_symbol_frontend():
    content = json.loads(to_line(Record(Cell("nin", 10), "error")))
    del content["cell"]["frontend"]
    assert from_line(json.dumps(content)) == Record(Cell("nin", 10), "error")
    gluon = Record(Cell("nin", 10, frontend="gluon"), "error")
    assert gluon.surroundings() != Record(Cell("nin", 10), "error").surroundings()


# The command line


@pytest.fixture(autouse=True)
def own_locks(tmp_path_factory, monkeypatch):
    """A temporary folder of its own, so that no other run on this machine is waited for."""
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("locks")))


def call(*arguments, cwd):
    done = subprocess.run([sys.executable, "-m", "mxbench", *map(str, arguments)], cwd=str(cwd), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, check=False)
    return done.returncode, done.stdout, done.stderr


BRIEF = ["--data", "synthetic", "--image-shape", "3,64,64", "--batch-size", "2", "--max-seconds", "0.3",
         "--min-seconds", "0.1"]


@pytest.mark.parametrize("network", [
    "resnet-18",
    pytest.param("gluoncv:mobilenetv2_0.25", marks=pytest.mark.skipif(
        not zoos.has_gluoncv(), reason="GluonCV is not installed: make test EXTRA=cpu,gluon")),
])
def test_runs_of_both_frontends_stand_apart_and_can_be_compared(tmp_path, network):
    for frontend in ("gluon", "symbol"):
        code, printed, error = call("run", "--network", network, "--frontend", frontend, *BRIEF, cwd=tmp_path)
        assert (code, printed) == (0, ""), error
    records, problems = store.read(tmp_path / "mxbench-results.jsonl")
    assert [(record.cell.frontend, record.status) for record in records] == [("gluon", "ok"), ("symbol", "ok")]
    assert not problems and records[0].model["parameters"] == records[1].model["parameters"] > 100_000
    code, printed, _ = call("report", "mxbench-results.jsonl", cwd=tmp_path)
    assert code == 0 and printed.count("Speed (images/sec)") == 2 and printed.count("frontend gluon") == 1
    lines = (tmp_path / "mxbench-results.jsonl").read_text().splitlines()
    for name, line in zip(("gluon", "symbol"), lines):
        (tmp_path / name).write_text(line + "\n")
    assert call("compare", "symbol", "gluon", cwd=tmp_path)[0] == 2
    code, printed, error = call("compare", "symbol", "gluon", "--across", "frontend", cwd=tmp_path)
    assert code == 0 and network in printed.lower(), error


@pytest.mark.parametrize("arguments, said", [
    (["--network", "nin", "--frontend", "gluon", "--protocol", "published"], "protocol published puts a new head on a Symbol"),
    (["--network", TINY, "--frontend", "gluon"], "there is no Gluon block for 'small_networks:tiny'"),
    (["--network", "gluon:alexnt"], "did you mean gluon:alexnet?"),
    (["--network", "nin", "--frontend", "tensorflow"], "'symbol', 'gluon'"),
    (["--network", "resnet-18", "--frontend", "gluon", "--image-shape", "3,28,28", *BRIEF[:2], *BRIEF[4:]], "num_layers is 18"),
])
def test_what_cannot_be_had_is_refused_in_one_line(tmp_path, arguments, said):
    code, printed, error = call("run", *arguments, cwd=tmp_path)
    assert (code, printed) == (2, ""), error
    assert said in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
