"""A Symbol written as canonical text, so that two networks can be compared by a hash.

Two texts: one of the shapes of all parameters, one of the operators with their attributes and wiring. Left out is what
has no effect on results: attributes at their defaults, performance attributes, the names of sums.
"""

from __future__ import annotations

import hashlib
import json
import math

DEFAULTS = {
    "Activation": {},
    "BatchNorm": {"eps": "0.001", "momentum": "0.9", "fix_gamma": "True", "use_global_stats": "False", "axis": "1",
                  "output_mean_var": "False"},
    "Concat": {"dim": "1"},
    "Convolution": {"stride": "(1,1)", "dilate": "(1,1)", "pad": "(0,0)", "num_group": "1", "no_bias": "False"},
    "Dropout": {"p": "0.5", "mode": "training", "axes": "()"},
    "Flatten": {},
    "FullyConnected": {"no_bias": "False", "flatten": "True"},
    "LRN": {"alpha": "0.0001", "beta": "0.75", "knorm": "2"},
    "Pooling": {"pool_type": "max", "global_pool": "False", "pooling_convention": "valid", "stride": "(1,1)",
                "pad": "(0,0)"},
    "SoftmaxOutput": {"grad_scale": "1", "ignore_label": "-1", "multi_output": "False", "use_ignore": "False",
                      "preserve_shape": "False", "normalization": "null", "out_grad": "False", "smooth_alpha": "0"},
    "elemwise_add": {},
}
WITHOUT_DEFAULT = {"kernel", "num_filter", "num_hidden", "act_type", "nsize"}
PERFORMANCE = {"workspace", "cudnn_tune", "cudnn_off", "num_args", "layout"}
FLOATS = {"eps", "momentum", "alpha", "beta", "knorm", "p", "grad_scale", "ignore_label", "smooth_alpha"}
UNUSED_IN_GLOBAL_POOLING = ("kernel", "stride", "pad", "pooling_convention")


def nodes(symbol) -> list:
    return json.loads(symbol.tojson())["nodes"]


def parameter_shapes(symbol, size: int) -> dict:
    """Shapes of arguments and auxiliary states by name, without data and label."""
    arguments, _, auxiliary = symbol.infer_shape(data=(1, 3, size, size))
    shapes = dict(zip(symbol.list_arguments(), arguments))
    shapes.update(zip(symbol.list_auxiliary_states(), auxiliary))
    return {name: tuple(map(int, shape)) for name, shape in shapes.items()
            if name != "data" and not name.endswith("label")}


def shapes_text(symbol, size: int) -> str:
    return "\n".join(f"{name}:{shape}" for name, shape in sorted(parameter_shapes(symbol, size).items()))


def graph_text(symbol) -> str:
    return "\n".join(_line(index, node) for index, node in enumerate(nodes(symbol)))


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def macs(symbol, size: int) -> int:
    """Multiply-accumulates of convolutions and fully connected layers for one image, by MXNet's own shapes."""
    internals = symbol.get_internals()
    _, outputs, _ = internals.infer_shape(data=(1, 3, size, size))
    shapes = dict(zip(internals.list_outputs(), outputs))
    return sum(math.prod(shapes[node["name"] + "_weight"][1:]) * math.prod(shapes[node["name"] + "_output"][1:])
               for node in nodes(symbol) if node["op"] in ("Convolution", "FullyConnected"))


def _line(index: int, node: dict) -> str:
    if node["op"] == "null":
        return f"{index}|null|{node['name']}||"
    attributes = ";".join(f"{key}={value}" for key, value in sorted(_attributes(node).items()))
    name = "" if node["op"] == "elemwise_add" else node["name"]
    inputs = ",".join(str(entry[0]) for entry in node["inputs"])
    return f"{index}|{node['op']}|{name}|{attributes}|{inputs}"


def _attributes(node: dict) -> dict:
    defaults = DEFAULTS[node["op"]]
    kept = {}
    for key, value in node.get("attrs", {}).items():
        if key.startswith("__") or key in PERFORMANCE:
            continue
        assert key in defaults or key in WITHOUT_DEFAULT, f"{node['name']}: unknown attribute {key}"
        value = _normal(key, value)
        if key not in defaults or value != _normal(key, defaults[key]):
            kept[key] = value
    if kept.get("global_pool") == "True":
        for key in UNUSED_IN_GLOBAL_POOLING:
            kept.pop(key, None)
    return kept


def _normal(key: str, value: str) -> str:
    return format(float(value), ".6g") if key in FLOATS else value.replace(" ", "")
