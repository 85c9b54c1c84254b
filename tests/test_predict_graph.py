"""Graphs are read from symbol JSON of any age, and whatever cannot be read is named in one line."""

from __future__ import annotations

import json

import pytest

from mxbench import predict
from mxbench.errors import UserError


def node(operator, name, inputs=(), **attributes):
    return {"op": operator, "name": name, "attrs": {key: str(value) for key, value in attributes.items()},
            "inputs": [[source, 0, 0] for source in inputs]}


def symbol(*nodes):
    return {"nodes": list(nodes), "heads": [[len(nodes) - 1, 0, 0]]}


def small_network():
    return symbol(
        node("null", "data"), node("null", "conv_weight"), node("null", "conv_bias"),
        node("Convolution", "conv", (0, 1, 2), num_filter=4, kernel="(3, 3)"),
        node("null", "norm_gamma"), node("null", "norm_beta"), node("null", "norm_moving_mean"),
        node("null", "norm_moving_var"), node("BatchNorm", "norm", (3, 4, 5, 6, 7)),
        node("Flatten", "flatten", (8,)),
        node("null", "fc_weight"), node("FullyConnected", "fc", (9, 10), num_hidden=5, no_bias=True),
        node("null", "softmax_label"), node("SoftmaxOutput", "softmax", (11, 12)))


def test_a_small_network_is_counted_by_hand():
    arithmetic = predict.count(predict.load(small_network()), (3, 8, 8))
    weights = 4 * 3 * 3 * 3 + 4 + 4 + 4 + 5 * 4 * 6 * 6
    macs = 4 * 6 * 6 * 27 + 5 * 4 * 6 * 6
    assert (arithmetic.parameters, arithmetic.auxiliary, arithmetic.macs) == (weights, 8, macs)
    assert arithmetic.forward_flops == 2 * macs
    first_layer_macs = 4 * 6 * 6 * 27
    assert arithmetic.backward_flops == 4 * macs - 2 * first_layer_macs


def test_work_grows_with_the_batch_and_parameters_do_not():
    one, many = (predict.count(predict.load(small_network()), (3, 8, 8), batch_size) for batch_size in (1, 16))
    assert many.macs == 16 * one.macs
    assert many.parameters == one.parameters


def test_files_of_old_releases_read_the_same():
    old = small_network()
    for record in old["nodes"]:
        record["param"] = record.pop("attrs")
        record["inputs"] = [entry[:2] for entry in record["inputs"]]
    norm = next(record for record in old["nodes"] if record["op"] == "BatchNorm")
    norm["inputs"] = norm["inputs"][:3]
    without_auxiliary = [index for index in range(len(old["nodes"])) if index not in (6, 7)]
    shift = {before: after for after, before in enumerate(without_auxiliary)}
    old["nodes"] = [old["nodes"][index] for index in without_auxiliary]
    for record in old["nodes"]:
        record["inputs"] = [[shift[entry[0]], entry[1]] for entry in record["inputs"]]
    old["heads"] = [[len(old["nodes"]) - 1, 0]]
    graph = predict.load(old)
    assert predict.count(graph, (3, 8, 8)) == predict.count(predict.load(small_network()), (3, 8, 8))
    names = {graph.nodes[index].name for index in graph.variables("auxiliary")}
    assert names == {"norm_moving_mean", "norm_moving_var"}


def test_a_graph_is_read_from_a_file_from_text_and_from_a_dict(tmp_path):
    file = tmp_path / "net.json"
    file.write_text(json.dumps(small_network()))
    counts = {predict.count_parameters(predict.load(source), (3, 8, 8))
              for source in (file, str(file), json.dumps(small_network()), small_network())}
    assert len(counts) == 1


def test_cutting_keeps_everything_up_to_the_last_flatten():
    graph = predict.cut(predict.load(small_network()), 10)
    assert predict.count_parameters(graph, (3, 8, 8)) == 4 * 27 + 4 + 8 + 10 * 144 + 10
    assert graph.nodes[graph.outputs[0].node].name == "softmax"


@pytest.mark.parametrize("content, words", [
    ("{not json", "is not JSON"),
    ("[1, 2]", "cannot be read"),
    ("{}", "no symbol JSON"),
    ('{"nodes": [], "heads": []}', "no symbol JSON"),
    ('{"nodes": [{"op": "null"}], "heads": [[0, 0, 0]]}', "no symbol JSON"),
])
def test_what_is_no_symbol_is_refused_in_one_line(content, words):
    with pytest.raises(UserError, match=words) as refused:
        predict.load(content)
    assert "\n" not in str(refused.value)


def test_an_unknown_operator_is_named():
    with pytest.raises(UserError, match="operator Deconvolution .node up."):
        predict.load(symbol(node("null", "data"), node("Deconvolution", "up", (0,))))


def test_a_missing_input_is_named():
    with pytest.raises(UserError, match="FullyConnected fc has 1 inputs but needs 3 .data, weight, bias."):
        predict.load(symbol(node("null", "data"), node("FullyConnected", "fc", (0,), num_hidden=5)))


@pytest.mark.parametrize("image_shape, words", [
    ((3, 2, 2), "Convolution conv does not fit images of 3,2,2: its kernel"),
    ((3, 0, 8), "image shape 3,0,8 is not possible"),
    ((3, 8), "image shape 3,8 is not possible"),
])
def test_images_that_do_not_fit_are_refused(image_shape, words):
    with pytest.raises(UserError, match=words):
        predict.count(predict.load(small_network()), image_shape)


@pytest.mark.parametrize("batch_size", [0, -1, 1.5])
def test_a_batch_size_below_one_is_refused(batch_size):
    with pytest.raises(UserError, match="batch size .* is not possible"):
        predict.count(predict.load(small_network()), (3, 8, 8), batch_size)


def test_groups_that_do_not_divide_the_channels_are_refused():
    net = symbol(node("null", "data"), node("null", "w"),
                 node("Convolution", "conv", (0, 1), num_filter=4, kernel="(1, 1)", num_group=2, no_bias=True))
    with pytest.raises(UserError, match="3 channels and 4 filters do not divide into 2 groups"):
        predict.count(predict.load(net), (3, 8, 8))
