"""The head of a network: the label it is trained with, and a fresh head for fine-tuning."""

from __future__ import annotations

import json

from ..errors import UserError
from ..runtime import mx
from . import blocks


def label_name(symbol) -> str:
    """The name of the one label variable of ``symbol``: ``softmax_label``, or ``prob_label`` in nets from Caffe.

    Raises:
        UserError: there is none, or more than one.
    """
    labels = [name for name in symbol.list_arguments() if name.endswith("label")]
    if len(labels) != 1:
        raise UserError(f"network {symbol.name!r}: {len(labels)} inputs have a name that ends in label; there must be "
                        "one, as SoftmaxOutput makes it")
    return labels[0]


def replace_head(symbol, num_classes: int = 10):
    """Cut ``symbol`` after its last Flatten and put FullyConnected ``fc`` and SoftmaxOutput ``softmax`` on top.

    This is how the networks of the published table were fine-tuned: CaffeNet and VGG lose fc6, fc7 and fc8 by it,
    while NIN and SqueezeNet, whose last convolution comes before the Flatten, keep its 1000 maps.

    Raises:
        UserError: the network has no Flatten, or ``num_classes`` is no count.
    """
    blocks.check_count(f"network {symbol.name!r}", "num_classes", num_classes)
    nodes = json.loads(symbol.tojson())["nodes"]
    flattens = [node["name"] for node in nodes if node["op"] == "Flatten"]
    if not flattens:
        raise UserError(f"network {symbol.name!r} has no Flatten, after which its head could be replaced")
    features = symbol.get_internals()[flattens[-1] + "_output"]
    dtype = "float16" if any(node["name"] == blocks.TO_FLOAT16 for node in nodes) else "float32"
    return blocks.softmax(mx.sym.FullyConnected(features, num_hidden=num_classes, name="fc"), "softmax", dtype)
