"""The 16 networks are the zoo's: same names, shapes, attributes, wiring and arithmetic; its checkpoints load."""

import ast
import json
import math
import tempfile
from pathlib import Path

import pytest
import symbols_canon as canon

from mxbench import symbols
from mxbench.runtime import mx
from mxbench.symbols import squeezenet
from mxbench.symbols.export import export_symbols, json_path, stale_symbols
from mxbench.symbols.registry import ZOO_NAMES

ZOO = Path(__file__).parent / "data" / "zoo"
FIGURES = json.loads((ZOO / "figures.json").read_text())
REPOSITORY_SYMBOLS = Path(__file__).parent.parent / "symbols"

_built = {}


def build(case):
    """The Symbol of an entry of figures.json, built once."""
    if case not in _built:
        arguments = FIGURES[case]["arguments"]
        if case == "squeezenet-1.0":
            _built[case] = squeezenet.get_symbol(**arguments)
        else:
            _built[case] = symbols.get_symbol(case if case in ZOO_NAMES else "inception-v3", **arguments)
    return _built[case]


def test_the_figures_cover_every_network_of_the_zoo():
    assert set(FIGURES) == set(ZOO_NAMES) | {"squeezenet-1.0", "inception-v3-1008"}


@pytest.mark.parametrize("case", FIGURES)
def test_parameters_have_the_zoos_names_and_shapes(case):
    assert canon.sha256(canon.shapes_text(build(case), FIGURES[case]["input"])) == FIGURES[case]["shapes_sha256"]


@pytest.mark.parametrize("case", FIGURES)
def test_operators_have_the_zoos_attributes_and_wiring(case):
    assert canon.sha256(canon.graph_text(build(case))) == FIGURES[case]["graph_sha256"]


@pytest.mark.parametrize("case, size", [(case, int(size)) for case in FIGURES
                                        for size in FIGURES[case]["macs_by_input"]])
def test_parameters_and_arithmetic_are_counted_as_in_the_zoo(case, size):
    figures, symbol = FIGURES[case], build(case)
    shapes = canon.parameter_shapes(symbol, size)
    counts = {name: math.prod(shape) for name, shape in shapes.items()}
    auxiliary = symbol.list_auxiliary_states()
    assert sum(counts[name] for name in counts if name not in auxiliary) == figures["arg_params"]
    assert sum(counts[name] for name in auxiliary) == figures["aux_params"]
    assert canon.macs(symbol, size) == figures["macs_by_input"][str(size)]


@pytest.mark.parametrize("case", FIGURES)
def test_arguments_come_in_the_zoos_order_with_its_label_and_output(case):
    figures, symbol = FIGURES[case], build(case)
    arguments = [name for name in symbol.list_arguments() if name not in ("data", figures["label"])]
    auxiliary = symbol.list_auxiliary_states() or [None]
    assert len(arguments) == figures["n_args"]
    assert (arguments[0], arguments[-1]) == (figures["first_arg"], figures["last_arg"])
    assert (auxiliary[0], auxiliary[-1]) == (figures["first_aux"], figures["last_aux"])
    assert symbols.label_name(symbol) == figures["label"]
    assert symbol.list_outputs() == [figures["output"]]


def unit_sum(stage, unit):
    """The name of the sum of a unit of ResNet-200."""
    return f"_plus{sum((3, 24, 36, 3)[:stage - 1]) + unit - 1}"


def test_resnet_200_carries_the_mirroring_attributes_of_its_file():
    kept = {unit_sum(1, 2)} | {unit_sum(2, unit) for unit in (2, 7, 12, 17, 22)} | {
        unit_sum(3, unit) for unit in (4, 13, 22, 31)}
    last = {unit_sum(1, 3), unit_sum(2, 24), unit_sum(3, 36), unit_sum(4, 3)}
    for node in canon.nodes(build("resnet-200")):
        name, attributes = node["name"], node.get("attrs", {})
        operator = node["op"] != "null"
        mirrored = str(name not in kept) if operator or name in ("data", "softmax_label") else None
        staged = operator and (name.endswith("_sc") or name.startswith("_plus") and name not in last)
        assert attributes.get("__force_mirroring__") == mirrored, name
        assert attributes.get("__mirror_stage__") == ("True" if staged else None), name


def test_resnet_200_without_mirroring_is_the_same_network_without_the_attributes():
    plain = symbols.get_symbol("resnet-200", mirroring=False)
    assert "mirror" not in plain.tojson()
    assert canon.graph_text(plain) == canon.graph_text(build("resnet-200"))


@pytest.mark.parametrize("name", [name for name in ZOO_NAMES if name != "resnet-200"])
def test_no_other_network_is_mirrored(name):
    assert "mirror" not in build(name).tojson()


@pytest.mark.parametrize("name, workspace, cudnn_tune", [
    ("caffenet", "1024", "off"), ("squeezenet", "1024", "off"), ("nin", "1024", "off"), ("vgg16", "1024", "off"),
    ("vgg19", "1024", "off"), ("inception-bn", "1024", "off"), ("inception-v3", "512", None),
    ("resnet-18", "512", "limited_workspace"), ("resnet-200", "512", "limited_workspace"),
    ("resnext-50", "512", "fastest"), ("resnext-101", "512", "fastest"), ("resnext-101-64x4d", "256", None)])
def test_convolutions_have_the_zoos_performance_attributes(name, workspace, cudnn_tune):
    attributes = [node["attrs"] for node in canon.nodes(build(name)) if node["op"] == "Convolution"]
    assert {(each.get("workspace"), each.get("cudnn_tune")) for each in attributes} == {(workspace, cudnn_tune)}


@pytest.mark.parametrize("name", ZOO_NAMES)
def test_a_checkpoint_of_the_zoo_loads_with_nothing_missing_or_left_over(name):
    network, symbol = symbols.get_network(name), build(name)
    params = {}
    for index, line in enumerate((ZOO / f"{name}.shapes.txt").read_text().splitlines()):
        parameter, shape = line.split(":")
        kind = "aux" if parameter.endswith(("moving_mean", "moving_var")) else "arg"
        params[f"{kind}:{parameter}"] = mx.nd.full(ast.literal_eval(shape), index)
    with tempfile.TemporaryDirectory() as folder:  # at once gone, unlike tmp_path: the files are up to 550 MB
        prefix = f"{folder}/{network.checkpoint}"
        symbol.save(f"{prefix}-symbol.json")
        mx.nd.save(f"{prefix}-0000.params", params)
        loaded, arguments, auxiliary = mx.model.load_checkpoint(prefix, 0)
    label = symbols.label_name(loaded)
    module = mx.mod.Module(loaded, label_names=[label], context=mx.cpu())
    module.bind([("data", (1,) + network.image_shape)], [(label, (1,))], for_training=False)
    module.set_params(arguments, auxiliary, allow_missing=False)

    # Compared both ways, because set_params does not complain of what is left over unless it may miss something, too.
    held = {f"{kind}:{key}": value for kind, values in zip(("arg", "aux"), module.get_params())
            for key, value in values.items()}
    first_values = {key: value.reshape(-1)[:1].asscalar() for key, value in held.items()}
    assert first_values == {key: index for index, key in enumerate(params)}


def test_the_symbol_files_equal_the_code():
    assert stale_symbols(REPOSITORY_SYMBOLS) == []
    assert len(list(REPOSITORY_SYMBOLS.glob("*-symbol.json"))) == len(ZOO_NAMES)


@pytest.mark.parametrize("name", ZOO_NAMES)
def test_a_symbol_file_loads_as_the_same_network(name):
    assert mx.sym.load(str(json_path(name))).tojson() == build(name).tojson()


def test_exported_files_are_the_same_whenever_they_are_written(tmp_path):
    paths = export_symbols(tmp_path / "new" / "folder", names=["resnet-18", "nin"])
    assert [path.name for path in paths] == ["resnet-18-symbol.json", "nin-symbol.json"]
    for path in paths:
        assert path.read_bytes() == (REPOSITORY_SYMBOLS / path.name).read_bytes()
        assert path.read_bytes().endswith(b"}\n")
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(path.name for path in paths)


def test_missing_and_changed_files_are_stale(tmp_path):
    names = ["squeezenet", "nin", "caffenet"]
    _, changed, missing = export_symbols(tmp_path, names)
    changed.write_text(changed.read_text().replace('"p": "0.5"', '"p": "0.6"'))
    missing.unlink()
    assert stale_symbols(tmp_path, names) == [changed, missing]
    export_symbols(tmp_path, names)
    assert stale_symbols(tmp_path, names) == []
    assert stale_symbols(tmp_path, names, num_classes=10) == [tmp_path / f"{name}-symbol.json" for name in names]
