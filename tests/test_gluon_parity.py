"""Every network's block computes what its Symbol computes: outputs, gradients, moving statistics, and files both ways."""

import ast
import json

import numpy as np
import pytest
from gluon_bench import Twins, difference, image_shape, largest

from mxbench import symbols
from mxbench.errors import UserError
from mxbench.gluon import files, get_block, parameters
from mxbench.runtime import mx
from mxbench.symbols.registry import ZOO_NAMES


# Larger networks of families of which another is tested in any case.
LARGER = ("inception-v3", "vgg16", "vgg19", "resnet-101", "resnet-152", "resnet-200", "resnext-101", "resnext-101-64x4d")
every_network = pytest.mark.parametrize("twins", ZOO_NAMES, indirect=True)
some_networks = pytest.mark.parametrize("twins", [
    pytest.param(name, marks=pytest.mark.slow) if name in LARGER else name for name in ZOO_NAMES], indirect=True)


# Of layers in which a difference might not show in a comparison of numbers, with MXNet's defaults.
SETTINGS = {
    "Dropout": {"p": 0.5},
    "BatchNorm": {"eps": 1e-3, "momentum": 0.9, "fix_gamma": True, "use_global_stats": False},
    "LRN": {"alpha": 1e-4, "beta": 0.75, "knorm": 2, "nsize": None},
}


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
    twins.set_block("float64")  # statistics of a few pixels make 2e-4 of a float32's rounding error in 200 layers
    assert difference(twins.train_symbol(), twins.train_block()) < 1e-5
    block = twins.block._collect_params_with_prefix()
    for pair in parameters.pairs(twins.name, 10, twins.shape):
        name, one = pair.symbol[4:], block[pair.gluon]
        if pair.symbol.startswith("aux:"):
            assert difference(twins.executor.aux_dict[name].asnumpy(), one.data().asnumpy()) < 1e-5, name
        elif one.grad_req == "null":
            assert not twins.executor.grad_dict[name].asnumpy().any(), name  # a gamma that is fixed in the Symbol too
        else:
            expected, found = twins.executor.grad_dict[name].asnumpy(), one.grad().asnumpy()
            assert expected.any() and expected.dtype == found.dtype == np.float64, name
            assert largest(expected - found) < 1e-5 * largest(expected) + rounding(twins.executor, name), name


def rounding(executor, name):
    """What rounding makes of the gradient of a bias before a BatchNorm, which undoes the bias: it is 0 in theory."""
    weight = executor.grad_dict.get(name.replace("_bias", "_weight"))
    return 1e-10 * largest(weight.asnumpy()) if name.endswith("_bias") else 0


@every_network
def test_dropout_and_normalisation_have_the_same_place_and_settings(twins):
    expected = settings(twins.full_symbol, twins.shape)
    assert settings(twins.full_block(mx.sym.var("data")), twins.shape) == expected != []


def settings(symbol, shape):
    """Dropout, BatchNorm and LRN of a Symbol: kind, size of the output, and what else it does to an image."""
    internals = symbol.get_internals()
    _, sizes, _ = internals.infer_shape(data=(1, *shape))
    outputs, found = dict(zip(internals.list_outputs(), sizes)), []
    for node in json.loads(symbol.tojson())["nodes"]:
        if node["op"] in SETTINGS:
            given = {**SETTINGS[node["op"]], **node.get("attrs", {})}
            values = [float(np.float32(ast.literal_eval(str(given[name])))) for name in sorted(SETTINGS[node["op"]])]
            found.append((node["op"], outputs[node["name"] + "_output"], values))
    return sorted(found)


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
