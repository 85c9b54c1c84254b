"""The two definitions of one network, Symbol and Gluon block, with the same parameters."""

import contextlib
import functools
import json
from unittest import mock

import numpy as np

from mxbench.gluon import files, get_block, parameters
from mxbench.runtime import mx
from mxbench.symbols import get_symbol, label_name

# The smallest images that each network's layers take, so that all of them can be compared in little time.
SHAPES = {"caffenet": (3, 67, 67), "squeezenet": (3, 35, 35), "nin": (3, 199, 199), "inception-bn": (3, 224, 224),
          "inception-v3": (3, 299, 299), "vgg16": (3, 33, 33), "vgg19": (3, 33, 33)}
RESIDUAL_SHAPE = (3, 48, 48)
CLASSES = 10


@contextlib.contextmanager
def lrn_in_single_precision():
    """Let LRN, which MXNet computes on a CPU in float32 alone, stand between layers in float64, both ways."""

    def wrapped(module, original):
        return lambda data, **attributes: module.cast(original(module.cast(data, dtype="float32"), **attributes),
                                                      dtype="float64")

    with contextlib.ExitStack() as stack:
        for module in (mx.sym, mx.nd):
            stack.enter_context(mock.patch.object(module, "LRN", wrapped(module, module.LRN)))
        yield


def image_shape(name):
    """Images on which the two definitions of a network are compared."""
    return SHAPES.get(name, RESIDUAL_SHAPE)


def random_parameters(symbol, shape, seed=0):
    """Arrays under the zoo's names: weights that keep the size of the signal, all else around 1 or 0, nothing at rest."""
    random = np.random.default_rng(seed)

    def values(name, extent):
        drawn = random.standard_normal(extent, dtype=np.float32)
        if name.endswith("weight"):
            return drawn * np.float32(np.sqrt(2 / np.prod(extent[1:])))
        return 0.1 * drawn + (1 if name.endswith(("gamma", "moving_var")) else 0)

    return {name: mx.nd.array(values(name, extent)) for name, extent in parameters.shapes(symbol, shape).items()}


def plain(symbol):
    """The Symbol without dropout, since two frontends draw masks of their own, and without recomputing activations."""
    graph = json.loads(symbol.tojson())
    for node in graph["nodes"]:
        attributes = {name: value for name, value in node.get("attrs", {}).items() if "mirror" not in name}
        node["attrs"] = {**attributes, "p": "0"} if node["op"] == "Dropout" else attributes
    return mx.sym.load_json(json.dumps(graph))


class Twins:
    """One network both ways; the block's parameters came through a file from the Symbol's, without dropout in either."""

    def __init__(self, name, shape, folder, classes=CLASSES, batch_size=2):
        self.name, self.shape, self.folder, self.classes = name, shape, folder, classes
        self.full_symbol = get_symbol(name, classes, image_shape=shape)
        self.arrays = random_parameters(self.full_symbol, shape)
        self.block, self.full_block = get_block(name, classes), get_block(name, classes)
        self.block.apply(no_dropout)
        files.write(folder / "gluon.params", parameters.convert(self.arrays, name, "gluon", shape))
        self.set_block("float32")
        random = np.random.default_rng(1)
        self.images = mx.nd.array(random.standard_normal((batch_size, *shape), dtype=np.float32))
        self.labels = mx.nd.array(random.integers(classes, size=batch_size))
        self.label = label_name(self.full_symbol)

    @functools.cached_property
    def executor(self):
        """The Symbol, ready to train in float64."""
        with lrn_in_single_precision():
            symbol = plain(get_symbol(self.name, self.classes, image_shape=self.shape))
        return symbol.simple_bind(mx.cpu(), data=self.images.shape, type_dict={"data": "float64"}, grad_req={
            one: "null" if one in ("data", self.label) else "write" for one in symbol.list_arguments()})

    def set_block(self, dtype):
        """Give the block its first parameters and statistics, from the converted file."""
        self.block.cast(dtype)
        self.block.load_parameters(str(self.folder / "gluon.params"), cast_dtype=True)

    def set_executor(self):
        """Give the Symbol its first parameters and states again."""
        arrays = {kind: {name[4:]: array for name, array in self.arrays.items() if name.startswith(kind)}
                 for kind in ("arg:", "aux:")}
        self.executor.copy_params_from(arrays["arg:"], arrays["aux:"])

    def train_symbol(self):
        """The Symbol's outputs in training; gradients of the sum of the losses and new moving statistics."""
        (output,) = self.executor.forward(is_train=True, data=self.images, **{self.label: self.labels})
        self.executor.backward()
        return output.asnumpy()

    def train_block(self):
        """The block's outputs, gradients and moving statistics likewise."""
        loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
        with lrn_in_single_precision(), mx.autograd.record():
            logits = self.block(self.images.astype("float64"))
            lost = loss(logits, self.labels.astype("float64"))
        lost.backward()
        return mx.nd.softmax(logits).asnumpy()

    def logits(self):
        """Outputs of both before the softmax, not training."""
        graph = json.loads(self.full_symbol.tojson())["nodes"]
        last = next(node for node in graph if node["op"] == "SoftmaxOutput")["inputs"][0][0]
        head = self.full_symbol.get_internals()[graph[last]["name"] + "_output"]
        given = {name[4:]: array.copy() for name, array in self.arrays.items()}  # MXNet writes ones into a fixed gamma
        names = head.list_arguments()
        # With a gradient: without any, MXNet would fuse layers, with rounding errors of their own.
        bound = head.bind(mx.cpu(), {one: given.get(one, self.images) for one in names}, {"data": self.images.copy()},
                          {one: "write" if one == "data" else "null" for one in names},
                          {one: given[one] for one in head.list_auxiliary_states()})
        return bound.forward(is_train=False)[0].asnumpy(), self.block(self.images).asnumpy()


def no_dropout(layer):
    """Make a Dropout do nothing in training either: two frontends do not draw the same mask."""
    if isinstance(layer, mx.gluon.nn.Dropout):
        layer._rate = 0


def difference(one, other):
    """Largest difference, relative to the largest number."""
    return largest(one - other) / max(largest(one), 1e-30)


def largest(array):
    """The largest of the numbers, by their absolute values, of which it makes no copy."""
    return float(max(array.max(), -array.min()))
