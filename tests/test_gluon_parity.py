"""Every network's block computes what its Symbol computes: outputs, gradients, moving statistics, and files both ways."""

import json

import numpy as np
import pytest
from gluon_bench import Twins, difference, image_shape

from mxbench import symbols
from mxbench.errors import UserError
from mxbench.gluon import files, get_block, parameters
from mxbench.runtime import mx
from mxbench.symbols.registry import ZOO_NAMES


# Larger networks of families of which another is tested in any case.
LARGER = ("vgg19", "resnet-101", "resnet-152", "resnet-200", "resnext-101")
every_network = pytest.mark.parametrize("twins", ZOO_NAMES, indirect=True)
some_networks = pytest.mark.parametrize("twins", [
    pytest.param(name, marks=pytest.mark.slow) if name in LARGER else name for name in ZOO_NAMES], indirect=True)


@pytest.fixture(scope="module")
def twins(request, tmp_path_factory):
    return Twins(request.param, image_shape(request.param), tmp_path_factory.mktemp(request.param))


@every_network
def test_outputs_are_equal(twins):
    twins.set_block("float32")
    symbol, block = twins.logits()
    assert np.isfinite(symbol).all() and symbol.std() > 0
    assert difference(symbol, block) < 1e-5


@some_networks
def test_training_gives_the_same_outputs_gradients_and_statistics(twins):
    twins.set_executor()
    twins.set_block(twins.dtype)
    assert difference(twins.symbol_probabilities(True), twins.block_probabilities(True)) < 1e-5
    tolerance = 1e-5 if twins.dtype == "float64" else 1e-4  # what rounding makes of it, layer after layer
    block = twins.block._collect_params_with_prefix()
    for pair in parameters.pairs(twins.name, 10, twins.shape):
        name, one = pair.symbol[4:], block[pair.gluon]
        if pair.symbol.startswith("aux:"):
            assert difference(twins.executor.aux_dict[name].asnumpy(), one.data().asnumpy()) < 1e-5, name
        elif one.grad_req == "null":
            assert not twins.executor.grad_dict[name].asnumpy().any(), name  # a gamma that is fixed in the Symbol too
        else:
            expected, found = twins.executor.grad_dict[name].asnumpy(), one.grad().asnumpy()
            assert expected.any(), name
            assert np.abs(expected - found).max() < tolerance * layer_scale(twins.executor, name), name


def layer_scale(executor, name):
    """Largest gradient of a layer: that of a bias before a BatchNorm is 0 but for rounding errors of the weights'."""
    layer = name.rpartition("_")[0]
    return max(float(executor.grad_dict[one].abs().max().asscalar()) for one in (name, f"{layer}_weight")
               if one in executor.grad_dict)


@every_network
def test_dropout_has_the_same_place_and_probability(twins):
    def dropouts(symbol):
        shapes = symbol.get_internals()
        _, outputs, _ = shapes.infer_shape(data=(1, *twins.shape))
        found = dict(zip(shapes.list_outputs(), outputs))
        nodes = [node for node in json.loads(symbol.tojson())["nodes"] if node["op"] == "Dropout"]
        return [(float(node["attrs"].get("p", 0.5)), found[node["name"] + "_output"]) for node in nodes]

    assert dropouts(twins.full_block(mx.sym.var("data"))) == dropouts(twins.full_symbol)


@some_networks
def test_files_go_both_ways(twins):
    twins.set_block("float32")
    twins.block.save_parameters(str(twins.folder / "saved.params"))
    back = parameters.convert(files.read(twins.folder / "saved.params"), twins.name, "symbol", twins.shape)
    assert list(back) == list(twins.arrays)  # which are what the Symbol computed with
    assert all(np.array_equal(back[name].asnumpy(), array.asnumpy()) for name, array in twins.arrays.items())


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO_NAMES)
def test_outputs_are_equal_at_full_size(name, tmp_path):
    twins = Twins(name, symbols.get_network(name).image_shape, tmp_path, classes=1000, batch_size=1)
    assert difference(*twins.logits()) < 1e-5


def test_an_unknown_block_is_refused_with_the_nearest_name():
    with pytest.raises(UserError, match="did you mean resnet-50"):
        get_block("resnet50")
    with pytest.raises(UserError, match="classes is 0"):
        get_block("resnet-50", 0)
