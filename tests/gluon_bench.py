"""The two definitions of one network, Symbol and Gluon block, with the same parameters."""

import json

import numpy as np

from mxbench.gluon import files, get_block, parameters
from mxbench.runtime import mx
from mxbench.symbols import get_symbol

# The smallest images that each network's layers take, so that all of them can be compared in little time.
SHAPES = {"caffenet": (3, 67, 67), "squeezenet": (3, 35, 35), "nin": (3, 199, 199), "inception-bn": (3, 224, 224),
          "inception-v3": (3, 299, 299), "vgg16": (3, 33, 33), "vgg19": (3, 33, 33)}
RESIDUAL_SHAPE = (3, 64, 64)
CLASSES = 10


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


def set_dropout(text, probability):
    """Symbol JSON with another probability in every Dropout."""
    graph = json.loads(text)
    for node in graph["nodes"]:
        if node["op"] == "Dropout":
            node["attrs"]["p"] = str(probability)
    return json.dumps(graph)


class Twins:
    """One network both ways; the block's parameters came through a file from the Symbol's, without dropout in either."""

    def __init__(self, name, shape, folder, classes=CLASSES, batch_size=2):
        self.name, self.shape, self.folder = name, shape, folder
        self.full_symbol = get_symbol(name, classes, image_shape=shape)
        self.arrays = random_parameters(self.full_symbol, shape)
        symbol = mx.sym.load_json(set_dropout(self.full_symbol.tojson(), 0))
        self.block, self.full_block = get_block(name, classes), get_block(name, classes)
        self.block.apply(no_dropout)
        files.write(folder / "gluon.params", parameters.convert(self.arrays, name, "gluon", shape))
        self.block.load_parameters(str(folder / "gluon.params"))
        random = np.random.default_rng(1)
        self.images = mx.nd.array(random.standard_normal((batch_size, *shape), dtype=np.float32))
        self.labels = mx.nd.array(random.integers(classes, size=batch_size))
        (self.label,) = [one for one in symbol.list_arguments() if one.endswith("label")]
        self.executor = symbol.simple_bind(mx.cpu(), data=self.images.shape, grad_req={
            one: "null" if one in ("data", self.label) else "write" for one in symbol.list_arguments()})
        self.set_executor()

    def set_executor(self):
        """Give the Symbol its first parameters and states again."""
        plain = {kind: {name[4:]: array for name, array in self.arrays.items() if name.startswith(kind)}
                 for kind in ("arg:", "aux:")}
        self.executor.copy_params_from(plain["arg:"], plain["aux:"])

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
            logits = self.block(self.images)
            lost = loss(logits, self.labels)
        if train:
            lost.backward()
        return mx.nd.softmax(logits).asnumpy()

    def logits(self):
        """Outputs of both before the softmax, not training."""
        internals = mx.sym.load_json(self.full_symbol.tojson()).get_internals()
        last = [node["inputs"][0][0] for node in json.loads(self.full_symbol.tojson())["nodes"]
                if node["op"] == "SoftmaxOutput"][0]
        name = json.loads(self.full_symbol.tojson())["nodes"][last]["name"]
        head = internals[name + "_output"]
        plain = {name[4:]: array for name, array in self.arrays.items()}
        bound = head.bind(mx.cpu(), {one: plain.get(one, self.images) for one in head.list_arguments()}, grad_req="null",
                          aux_states={one: plain[one].copy() for one in head.list_auxiliary_states()})
        return bound.forward()[0].asnumpy(), self.block(self.images).asnumpy()


def no_dropout(layer):
    """Make a Dropout do nothing in training either: two frontends do not draw the same mask."""
    if isinstance(layer, mx.gluon.nn.Dropout):
        layer._rate = 0


def difference(one, other):
    """Largest difference, relative to the largest number."""
    return float(np.abs(one - other).max() / max(np.abs(one).max(), 1e-30))
