"""Every layer of the networks that no library has computes what NumPy says, in the Symbol and in the block."""

import json

import numpy as np
import pytest
from gluon_bench import difference, image_shape, random_parameters
from numpy_layers import LAYERS

from mxbench.gluon import get_block, parameters
from mxbench.runtime import mx
from mxbench.symbols import get_symbol

CLASSES = 10


def all_outputs(symbol, arrays, images):
    """What MXNet computes in every layer of a Symbol, by the name of the output."""
    internals = symbol.get_internals()
    layers = mx.sym.Group([internals[name] for name in internals.list_outputs() if name.endswith("_output")])
    executor = layers.simple_bind(mx.cpu(), data=images.shape)  # with gradients: without any, MXNet would fuse layers
    executor.copy_params_from(arrays, arrays, allow_extra_params=True)
    found = executor.forward(is_train=False, data=images)
    return dict(zip(layers.list_outputs(), (array.asnumpy() for array in found)))


def check_every_layer(symbol, arrays, images):
    """Compare each node with NumPy on the node's own inputs; returns how many were compared."""
    computed = all_outputs(symbol, arrays, images)
    computed.update((name, array.asnumpy()) for name, array in {**arrays, "data": images}.items())
    graph, compared = json.loads(symbol.tojson())["nodes"], 0

    def value(entry):
        node = graph[entry[0]]
        return computed[node["name"] if node["op"] == "null" else node["name"] + "_output"].astype(np.float64)

    for node in graph:
        if node["op"] in LAYERS:
            inputs = [value(entry) for entry in node["inputs"] if not graph[entry[0]]["name"].endswith("label")]
            if node["op"] == "SoftmaxOutput":
                inputs.append(None)
            expected = LAYERS[node["op"]](node.get("attrs", {}), *inputs)
            assert difference(expected, computed[node["name"] + "_output"]) < 1e-5, node["name"]
            compared += 1
    return compared, sum(node["op"] != "null" for node in graph)


@pytest.mark.parametrize("name", ["caffenet", "nin", "inception-bn"])
def test_every_layer_agrees_with_numpy(name):
    shape = image_shape(name)
    images = mx.nd.array(np.random.default_rng(2).standard_normal((1, *shape), dtype=np.float32))
    symbol = get_symbol(name, CLASSES, image_shape=shape)
    arrays = random_parameters(symbol, shape)
    compared, layers = check_every_layer(symbol, {key[4:]: array for key, array in arrays.items()}, images)
    assert compared == layers > 20
    traced = get_block(name, CLASSES)(mx.sym.var("data"))
    names = parameters.match(list(arrays), traced.list_arguments()[1:] + traced.list_auxiliary_states())
    compared, layers = check_every_layer(traced, {names[key]: array for key, array in arrays.items()}, images)
    assert compared == layers > 20
