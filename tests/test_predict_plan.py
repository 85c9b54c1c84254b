"""The planned memory equals what MXNet 1.9.1's executor says it allocates, network by network and for random graphs."""

from __future__ import annotations

import gc
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mxbench import predict
from mxbench.runtime import mx
from mxbench.symbols import get_network, replace_head
from mxbench.symbols.registry import ZOO_NAMES

GLUON_SAMPLE = ("densenet121", "inceptionv3", "mobilenetv2_0.25", "vgg11_bn")

# Every classification network of mxnet.gluon.model_zoo.vision.
GLUON_NETWORKS = (
    "alexnet", "densenet121", "densenet161", "densenet169", "densenet201", "inceptionv3", "mobilenet0.25",
    "mobilenet0.5", "mobilenet0.75", "mobilenet1.0", "mobilenetv2_0.25", "mobilenetv2_0.5", "mobilenetv2_0.75",
    "mobilenetv2_1.0", "resnet101_v1", "resnet101_v2", "resnet152_v1", "resnet152_v2", "resnet18_v1", "resnet18_v2",
    "resnet34_v1", "resnet34_v2", "resnet50_v1", "resnet50_v2", "squeezenet1.0", "squeezenet1.1", "vgg11", "vgg11_bn",
    "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn",
)


def allocated_mib(symbol, batch_size, image_shape):
    """What MXNet prints after a bind for training with gradients for everything but data and label, as Module binds."""
    wanted = {name: "null" if name == "data" or name.endswith("label") else "write" for name in symbol.list_arguments()}
    executor = symbol.simple_bind(mx.cpu(), grad_req=wanted, type_dict={"data": "float32"},
                                  data=(batch_size,) + tuple(image_shape))
    text = executor.debug_str()
    # MXNet fills and frees arrays in the background, and executors are in reference cycles: left to themselves,
    # hundreds of them fill the memory.
    del executor
    gc.collect()
    mx.nd.waitall()
    return int(re.search(r"Total (\d+) MB allocated", text).group(1))


def planned_mib(symbol, batch_size, image_shape):
    return predict.plan_training(predict.load(symbol), batch_size, image_shape).total_bytes >> 20


def assert_equal(symbol, batch_size, image_shape):
    assert planned_mib(symbol, batch_size, image_shape) == allocated_mib(symbol, batch_size, image_shape)


def network_symbol(name, protocol):
    symbol = get_network(name).get_symbol()
    return replace_head(symbol, 10) if protocol == "published" else symbol


def gluon_symbol(name):
    from mxnet.gluon.model_zoo import vision

    return mx.sym.SoftmaxOutput(vision.get_model(name)(mx.sym.Variable("data")), name="softmax")


@pytest.mark.parametrize("protocol", ["imagenet", "published"])
@pytest.mark.parametrize("name", ZOO_NAMES)
def test_every_network_is_planned_exactly(name, protocol):
    assert_equal(network_symbol(name, protocol), 20, get_network(name).image_shape)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 3, 10, 17, 30, 40, 64])
@pytest.mark.parametrize("protocol", ["imagenet", "published"])
@pytest.mark.parametrize("name", ZOO_NAMES)
def test_every_network_is_planned_exactly_at_every_batch_size(name, protocol, batch_size):
    assert_equal(network_symbol(name, protocol), batch_size, get_network(name).image_shape)


@pytest.mark.slow
@pytest.mark.parametrize("size", [320, 352])
@pytest.mark.parametrize("name", [name for name in ZOO_NAMES if name not in ("caffenet", "vgg16", "vgg19")])
def test_other_image_sizes_are_planned_exactly(name, size):
    symbol = replace_head(get_network(name).get_symbol(), 10)
    assert_equal(symbol, 7, (3, size, size + 32))


def test_cutting_a_graph_is_cutting_the_symbol():
    for name in ("caffenet", "squeezenet", "resnet-18"):
        network = get_network(name)
        graph = predict.cut(predict.load(network.get_symbol()), 10)
        assert (predict.plan_training(graph, 16, network.image_shape).total_bytes
                == predict.plan_training(predict.load(replace_head(network.get_symbol(), 10)), 16,
                                         network.image_shape).total_bytes)


@pytest.mark.parametrize("name", ["resnet-18", "vgg16", "inception-bn"])
def test_recomputation_of_cheap_layers_is_planned_exactly(name, monkeypatch):
    monkeypatch.setenv("MXNET_BACKWARD_DO_MIRROR", "1")
    network = get_network(name)
    planned = predict.plan_training(predict.load(network.get_symbol()), 20, network.image_shape, mirroring="all")
    assert planned.total_bytes >> 20 == allocated_mib(network.get_symbol(), 20, network.image_shape)


def test_resnet_200_without_its_mirroring_is_planned_exactly():
    symbol = get_network("resnet-200").get_symbol()
    graph = predict.load(symbol)
    with_mirroring = predict.plan_training(graph, 8, (3, 224, 224)).total_bytes
    without = predict.plan_training(graph, 8, (3, 224, 224), mirroring="none").total_bytes
    marked = '"__force_mirroring__": "True"'
    plain = mx.sym.load_json(symbol.tojson().replace(marked, '"__force_mirroring__": "False"'))
    assert without >> 20 == allocated_mib(plain, 8, (3, 224, 224))
    assert with_mirroring < without / 3


@pytest.mark.parametrize("name", ["resnet-18", "inception-v3"])
def test_half_precision_is_planned_exactly(name):
    network = get_network(name)
    symbol = network.get_symbol(dtype="float16")
    assert_equal(symbol, 20, network.image_shape)
    graph = predict.to_float16(predict.load(network.get_symbol()))
    assert (predict.plan_training(graph, 20, network.image_shape).total_bytes
            == predict.plan_training(predict.load(symbol), 20, network.image_shape).total_bytes)


@pytest.mark.parametrize("name", GLUON_SAMPLE)
def test_gluon_networks_are_planned_exactly(name):
    size = 299 if name == "inceptionv3" else 224
    assert_equal(gluon_symbol(name), 9, (3, size, size))


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 3, 17])
@pytest.mark.parametrize("name", GLUON_NETWORKS)
def test_every_gluon_network_is_planned_exactly(name, batch_size):
    size = 299 if name == "inceptionv3" else 224
    assert_equal(gluon_symbol(name), batch_size, (3, size, size))


class RandomNetwork:
    """Draws a network layer by layer; each layer reads any earlier tensors that fit."""

    def __init__(self, draw):
        self.draw = draw
        self.tensors = []  # (symbol, channels, extent)

    def build(self):
        data = mx.sym.Variable("data")
        first = mx.sym.Convolution(data, num_filter=12, kernel=(3, 3), pad=(1, 1), name="layer0")
        self.tensors.append((first, 12, 32))
        layers = (self.convolution, self.activation, self.norm, self.pool, self.response_norm, self.dropout, self.clip,
                  self.copy, self.add, self.add_many, self.concat)
        for index in range(1, self.draw(st.integers(2, 14))):
            mirrored = "True" if self.draw(st.integers(0, 4)) == 0 else "False"
            with mx.AttrScope(__force_mirroring__=mirrored):
                self.draw(st.sampled_from(layers))(f"layer{index}")
        ends = [mx.sym.Flatten(symbol) for symbol, _, _ in self.tensors[-self.draw(st.integers(1, 3)):]]
        end = ends[0] if len(ends) == 1 else mx.sym.concat(*ends, dim=1)
        return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(end, num_hidden=7, name="fc"), name="softmax")

    def pick(self):
        return self.draw(st.sampled_from(self.tensors))

    def convolution(self, name):
        symbol, channels, extent = self.pick()
        filters, groups = self.draw(st.sampled_from([12, 20, 36])), self.draw(st.sampled_from([1, 1, 4]))
        kernel = self.draw(st.sampled_from([1, 3]))
        symbol = mx.sym.Convolution(symbol, num_filter=filters, kernel=(kernel, kernel), pad=(kernel // 2, kernel // 2),
                                    num_group=groups, no_bias=self.draw(st.booleans()), name=name)
        self.tensors.append((symbol, filters, extent))

    def activation(self, name):
        symbol, channels, extent = self.pick()
        kind = self.draw(st.sampled_from(["relu", "relu", "sigmoid", "tanh", "softrelu", "softsign"]))
        self.tensors.append((mx.sym.Activation(symbol, act_type=kind, name=name), channels, extent))

    def norm(self, name):
        symbol, channels, extent = self.pick()
        self.tensors.append((mx.sym.BatchNorm(symbol, fix_gamma=self.draw(st.booleans()), name=name), channels, extent))

    def pool(self, name):
        symbol, channels, extent = self.pick()
        stride = self.draw(st.sampled_from([1, 2])) if extent > 4 else 1
        kind = self.draw(st.sampled_from(["max", "avg", "sum"]))
        symbol = mx.sym.Pooling(symbol, kernel=(3, 3), stride=(stride, stride), pad=(1, 1), pool_type=kind, name=name)
        self.tensors.append((symbol, channels, (extent - 1) // stride + 1))

    def response_norm(self, name):
        symbol, channels, extent = self.pick()
        self.tensors.append((mx.sym.LRN(symbol, nsize=5, name=name), channels, extent))

    def dropout(self, name):
        symbol, channels, extent = self.pick()
        self.tensors.append((mx.sym.Dropout(symbol, p=0.5, name=name), channels, extent))

    def clip(self, name):
        symbol, channels, extent = self.pick()
        self.tensors.append((mx.sym.clip(symbol, a_min=0, a_max=6, name=name), channels, extent))

    def copy(self, name):
        symbol, channels, extent = self.pick()
        self.tensors.append((mx.sym.identity(symbol, name=name), channels, extent))

    def fitting(self, channels, extent):
        return st.sampled_from([tensor for tensor in self.tensors if tensor[1:] == (channels, extent)])

    def add(self, name):
        symbol, channels, extent = self.pick()
        self.tensors.append((symbol + self.draw(self.fitting(channels, extent))[0], channels, extent))

    def add_many(self, name):
        symbol, channels, extent = self.pick()
        others = self.draw(st.lists(self.fitting(channels, extent), min_size=1, max_size=9))
        self.tensors.append((mx.sym.add_n(symbol, *(other[0] for other in others), name=name), channels, extent))

    def concat(self, name):
        symbol, channels, extent = self.pick()
        near = st.sampled_from([tensor for tensor in self.tensors if tensor[2] == extent])
        others = self.draw(st.lists(near, min_size=1, max_size=3))
        total = channels + sum(other[1] for other in others)
        if total <= 200:
            self.tensors.append((mx.sym.Concat(symbol, *(other[0] for other in others), name=name), total, extent))


def check_random_network(data):
    symbol = RandomNetwork(data.draw).build()
    # Whole MiB are compared, so a tensor has to be much larger than one.
    assert_equal(symbol, data.draw(st.sampled_from([100, 217])), (3, 32, 32))


SETTINGS = dict(deadline=None, suppress_health_check=list(HealthCheck))


@settings(max_examples=60, **SETTINGS)
@given(st.data())
def test_random_networks_are_planned_exactly(data):
    check_random_network(data)


@pytest.mark.slow
@settings(max_examples=1500, **SETTINGS)
@given(st.data())
def test_many_random_networks_are_planned_exactly(data):
    check_random_network(data)
