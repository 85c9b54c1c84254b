"""Training is real: every layer learns, the loss falls, and the parameters do not depend on the number of threads."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mxbench import data, symbols
from mxbench.data import standard
from mxbench.errors import UserError
from mxbench.measure import initializer
from mxbench.measure.job import Job
from mxbench.measure.trainer import Trainer
from mxbench.measure.workload import Workload
from mxbench.results.record import Cell
from mxbench.runtime import mx
from mxbench.symbols.registry import ZOO_NAMES

SMALL = Path(__file__).parent / "data" / "small_networks.py"
SYNTHETIC = dataclasses.asdict(data.DataSpec("synthetic", None, 0))
HEAVY = ("vgg16", "vgg19", "resnet-152", "resnet-200", "resnext-101-64x4d")


class Enough(Exception):
    pass


def stop_after(batches, seen=None):
    """A batch-end callback that ends training; it collects the loss of each batch in ``seen``."""
    counted = []

    def callback(param):
        counted.append(dict(param.eval_metric.get_name_value())["cross-entropy"])
        param.eval_metric.reset()
        if len(counted) == batches:
            if seen is not None:
                seen.extend(counted)
            raise Enough

    return callback


def train(cell, batches, job=None):
    """Train a cell for some batches; returns its symbol, the parameters before and after, and the losses."""
    losses = []
    workload = Workload(job or Job(cell, data=SYNTHETIC))
    trainer = Trainer(cell, workload.symbol, workload.iterator)
    before = {name: array.asnumpy().copy() for name, array in trainer.module.get_params()[0].items()}
    with pytest.raises(Enough):
        trainer.fit(stop_after(batches, losses))
    after = {name: array.asnumpy() for name, array in trainer.module.get_params()[0].items()}
    return workload.symbol, before, after, losses


def fixed_gammas(symbol):
    """Names of the gammas that BatchNorm ignores by definition."""
    attributes = symbol.attr_dict()
    return {f"{name}_gamma" for name in attributes if attributes[name].get("fix_gamma") == "True"}


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.slow) if name in HEAVY else name for name in ZOO_NAMES])
def test_two_steps_change_every_parameter_of_every_network(name):
    shape = symbols.get_network(name).image_shape
    # Without weight decay a parameter changes only where a gradient reaches it.
    cell = Cell(name, 2, image_shape=shape, wd=0.0, lr=0.1)
    symbol, before, after, _ = train(cell, 2)
    unchanged = {key for key in before if np.array_equal(before[key], after[key])}
    assert unchanged <= fixed_gammas(symbol)
    assert all(np.isfinite(array).all() for array in after.values())


def test_loss_falls_on_the_generated_photographs(tmp_path):
    path = standard.make(tmp_path, num_images=80, progress=False)
    cell = Cell("tiny", 20, image_shape=(3, 64, 64), num_classes=10, lr=0.1)
    spec = dataclasses.asdict(data.DataSpec("recordio", str(path), 80))
    *_, losses = train(cell, 120, Job(cell, source=f"{SMALL}:tiny", data=spec))
    assert np.mean(losses[-20:]) < 0.8 * np.mean(losses[:8])


def test_protocol_published_trains_a_new_head_with_a_kvstore_object():
    cell = Cell("squeezenet", 2, protocol="published", image_shape=(3, 227, 227), num_classes=10)
    workload = Workload(Job(cell, data=SYNTHETIC))
    trainer = Trainer(cell, workload.symbol, workload.iterator)
    assert workload.symbol.list_outputs() == ["softmax_output"]
    assert trainer.module.get_params()[0]["fc_weight"].shape == (10, 1000)
    assert trainer.module._kvstore is not None  # the weights live in it once more
    plain = dataclasses.replace(cell, protocol="imagenet")
    assert Trainer(plain, workload.symbol, workload.iterator).module._kvstore is None


def test_an_unknown_optimizer_is_refused_with_the_nearest_name():
    cell = Cell("tiny", 2, image_shape=(3, 32, 32), optimizer="adm")
    workload = Workload(Job(cell, source=f"{SMALL}:tiny", data=SYNTHETIC))
    with pytest.raises(UserError, match="did you mean adam"):
        Trainer(cell, workload.symbol, workload.iterator)


@pytest.mark.parametrize("optimizer", ["sgd", "nag", "adam", "rmsprop", "SGD"])
def test_optimizers_get_only_the_options_that_they_take(optimizer):
    cell = Cell("tiny", 2, image_shape=(3, 32, 32), optimizer=optimizer)
    _, before, after, _ = train(cell, 2, Job(cell, source=f"{SMALL}:tiny", data=SYNTHETIC))
    assert not np.array_equal(before["conv_weight"], after["conv_weight"])


def test_images_that_a_network_cannot_take_are_refused():
    cell = Cell("tiny", 2, image_shape=(3, 4, 4))
    with pytest.raises(UserError, match="tiny cannot take images of shape 3,4,4: .*kernel size"):
        Workload(Job(cell, source=f"{SMALL}:tiny", data=SYNTHETIC))


def test_initial_parameters_do_not_depend_on_the_number_of_threads(monkeypatch):
    count = initializer._CHUNK + 17
    monkeypatch.setattr(initializer, "physical_cores", lambda: 1)
    one = initializer.normal(count, [1, 2])
    monkeypatch.setattr(initializer, "physical_cores", lambda: 4)
    assert np.array_equal(one, initializer.normal(count, [1, 2]))
    assert not np.array_equal(one[:100], initializer.normal(100, [1, 3]))


def test_initial_parameters_follow_the_distribution_that_mxnet_documents():
    ours, theirs = mx.nd.zeros((256, 64, 3, 3)), mx.nd.zeros((256, 64, 3, 3))
    initializer.Xavier(seed=1)(mx.init.InitDesc("conv_weight"), ours)
    mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2)(mx.init.InitDesc("conv_weight"), theirs)
    ours, theirs = ours.asnumpy(), theirs.asnumpy()
    assert abs(ours.std() / theirs.std() - 1) < 0.02
    assert abs(ours.mean()) < 0.01 * ours.std() * 3
    assert np.abs(np.percentile(ours, [1, 25, 75, 99]) / np.percentile(theirs, [1, 25, 75, 99]) - 1).max() < 0.05
