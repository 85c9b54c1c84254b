"""The two definitions of one network, Symbol and Gluon block, with the same parameters."""

import functools
import json

import numpy as np

from mxbench.gluon import files, get_block, parameters
from mxbench.runtime import mx
from mxbench.symbols import get_symbol, label_name

# The smallest images that each network's layers take, so that all of them can be compared in little time.
SHAPES = {"caffenet": (3, 67, 67), "squeezenet": (3, 35, 35), "nin": (3, 199, 199), "inception-bn": (3, 224, 224),
          "inception-v3": (3, 299, 299), "vgg16": (3, 33, 33), "vgg19": (3, 33, 33)}
RESIDUAL_SHAPE = (3, 48, 48)
CLASSES = 10


def precision(name):
    """The type in which the two definitions of a network are compared.

    Statistics of a few pixels, layer after layer, make 2e-4 of a rounding error in the 200 layers of a ResNet. In float64
    what is left is a difference between the definitions. The others train in float32.
    """
    return "float64" if name.startswith("resnet") else "float32"


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
        self.name, self.shape, self.folder, self.dtype = name, shape, folder, precision(name)
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
        """The Symbol, ready to train."""
        symbol = plain(self.full_symbol)
        return symbol.simple_bind(mx.cpu(), data=self.images.shape, type_dict={"data": self.dtype}, grad_req={
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

    def symbol_probabilities(self, train):
        """The Symbol's outputs; gradients of the sum of the losses and new moving statistics if it trains."""
        (output,) = self.executor.forward(is_train=train, data=self.images, **{self.label: self.labels})
        if train:
            self.executor.backward()
        return output.asnumpy()

    def block_probabilities(self, train):
        """The block's outputs; gradients and moving statistics likewise."""
        loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
        with mx.autograd.record(train_mode=train):
            logits = self.block(self.images.astype(self.dtype))
            lost = loss(logits, self.labels.astype(self.dtype))
        if train:
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
    return float(np.abs(one - other).max() / max(np.abs(one).max(), 1e-30))
