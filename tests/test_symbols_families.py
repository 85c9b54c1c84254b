"""The family modules: arguments of MXNet's examples, one-line errors, small images, half precision, fresh heads."""

import json
import subprocess
import sys

import numpy as np
import pytest
import symbols_canon as canon

from mxbench import symbols
from mxbench.errors import UserError
from mxbench.runtime import mx
from mxbench.symbols import caffenet, inception_bn, inception_v3, nin, resnet, resnext, squeezenet, vgg
from mxbench.symbols.registry import ZOO_NAMES

FAMILIES = (caffenet, inception_bn, inception_v3, nin, resnet, resnext, squeezenet, vgg)

# The dictionary that MXNet's train_imagenet.py passes on, as far as it says anything about the network.
SCRIPT_ARGUMENTS = {"network": "resnet", "num_layers": 50, "num_classes": 1000, "image_shape": "3,224,224",
                    "dtype": "float32", "gpus": None, "batch_size": 128, "kv_store": "device", "lr": 0.1}


def module_name(module):
    return module.__name__.rpartition(".")[2]


def convolutions(symbol):
    return {node["name"]: node["attrs"] for node in canon.nodes(symbol) if node["op"] == "Convolution"}


def test_the_arguments_of_mxnets_training_script_are_taken_as_they_are():
    for module in (resnet, resnext):
        assert module.get_symbol(**SCRIPT_ARGUMENTS).tojson() == module.get_symbol().tojson()
    for module, size in ((caffenet, 227), (nin, 224), (squeezenet, 227), (inception_bn, 224), (inception_v3, 299)):
        arguments = dict(SCRIPT_ARGUMENTS, image_shape=f"3,{size},{size}")
        assert module.get_symbol(**arguments).tojson() == module.get_symbol().tojson()
    assert vgg.get_symbol(**dict(SCRIPT_ARGUMENTS, num_layers=19)).tojson() == symbols.get_symbol("vgg19").tojson()


def test_mxnets_own_call_of_resnext_gives_the_zoos_network():
    by_keyword = resnext.get_symbol(num_classes=1000, num_layers=101, image_shape="3,224,224", num_group=32)
    by_position = resnext.get_symbol(1000, 101, "3,224,224")
    assert by_keyword.tojson() == by_position.tojson() == symbols.get_symbol("resnext-101").tojson()


def test_an_image_shape_may_be_a_tuple():
    assert resnet.get_symbol(image_shape=(3, 224, 224)).tojson() == resnet.get_symbol(image_shape="3,224,224").tojson()


@pytest.mark.parametrize("name", ZOO_NAMES)
def test_building_again_after_other_networks_gives_the_same_graph(name):
    first = symbols.get_symbol(name).tojson()
    data = mx.sym.Variable("data")
    for _ in range(3):  # unnamed layers, which move MXNet's name counters
        data = mx.sym.Flatten(mx.sym.Pooling(data + data, kernel=(1, 1), pool_type="max"))
    assert symbols.get_symbol(name).tojson() == first


@pytest.mark.parametrize("module", FAMILIES, ids=module_name)
@pytest.mark.parametrize("arguments, said", [
    ({"num_classes": 0}, "num_classes is 0"),
    ({"num_classes": "ten"}, "num_classes is 'ten'"),
    ({"dtype": "int8"}, "choose from float32, float16"),
    ({"image_shape": "224"}, "such as 3,224,224"),
    ({"image_shape": "3,224,wide"}, "such as 3,224,224"),
    ({"image_shape": (3, 224, 0)}, "such as 3,224,224"),
    ({"image_shape": None}, "such as 3,224,224")])
def test_a_wrong_argument_gets_one_line_that_says_what_is_allowed(module, arguments, said):
    with pytest.raises(UserError, match=said) as error:
        module.get_symbol(**arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("module, arguments, said", [
    (resnet, {"num_layers": 17}, "choose from 18, 34, 50, 101, 152, 200, 269"),
    (resnext, {"num_layers": None}, "choose from 18, 34, 50, 101, 152, 200, 269"),
    (vgg, {"num_layers": 50}, "choose from 11, 13, 16, 19"),
    (squeezenet, {"version": "1.2"}, "choose from 1.0, 1.1"),
    (resnet, {"num_layers": 51, "image_shape": "3,32,32"}, "6n\\+2"),
    (resnet, {"num_layers": 166, "image_shape": "3,32,32"}, "9n\\+2"),
    (resnet, {"num_layers": 2, "image_shape": "3,32,32"}, "6n\\+2"),
    (resnext, {"num_group": 0}, "num_group is 0"),
    (resnext, {"width_per_group": 2.5}, "width_per_group is 2.5"),
    (resnext, {"width_per_group": 2, "num_layers": 164, "image_shape": "3,32,32"}, "a multiple of 4"),
    (nin, {"image_shape": "3,231,224"}, "199 to 230"),
    (nin, {"image_shape": "3,224,198"}, "199 to 230")])
def test_a_depth_version_width_or_size_that_does_not_exist_is_refused(module, arguments, said):
    with pytest.raises(UserError, match=said):
        module.get_symbol(**arguments)


@pytest.mark.parametrize("module, arguments, smallest", [
    (caffenet, {}, 55), (nin, {}, 199), (squeezenet, {}, 25), (squeezenet, {"version": "1.0"}, 29), (vgg, {}, 17),
    (inception_bn, {}, 205), (inception_v3, {}, 299)])
def test_the_smallest_image_allowed_is_the_smallest_that_mxnet_can_take(module, arguments, smallest):
    symbol = module.get_symbol(image_shape=(3, smallest, smallest), **arguments)
    assert symbol.infer_shape(data=(2, 3, smallest, smallest))[1] == [(2, 1000)]
    with pytest.raises(mx.MXNetError):
        symbol.infer_shape(data=(2, 3, smallest - 1, smallest - 1))
    with pytest.raises(UserError, match=f"{smallest}"):
        module.get_symbol(image_shape=(3, smallest - 1, smallest), **arguments)


def test_the_largest_image_allowed_by_nin_is_the_largest_with_an_output_for_each_class():
    symbol = nin.get_symbol(image_shape="3,230,230")
    assert symbol.infer_shape(data=(1, 3, 230, 230))[1] == [(1, 1000)]
    assert symbol.infer_shape(data=(1, 3, 231, 231))[1] != [(1, 1000)]


@pytest.mark.parametrize("module", [resnet, resnext], ids=module_name)
@pytest.mark.parametrize("num_layers, stem, last", [(20, 16, (64, 64, 3, 3)), (110, 16, (64, 64, 3, 3)),
                                                    (164, 16, (256, None, 1, 1))])
def test_small_images_get_the_networks_of_the_cifar_experiments(module, num_layers, stem, last):
    symbol = module.get_symbol(num_classes=10, num_layers=num_layers, image_shape="3,28,28")
    shapes = canon.parameter_shapes(symbol, 28)
    bottleneck = num_layers == 164
    units = (num_layers - 2) // (9 if bottleneck else 6)
    last_convolution = f"stage3_unit{units}_conv{3 if bottleneck else 2}_weight"
    assert shapes["conv0_weight"] == (stem, 3, 3, 3)
    assert shapes[last_convolution][0] == last[0] and shapes[last_convolution][2:] == last[2:]
    assert shapes["fc1_weight"] == (10, last[0])
    assert "bn0_gamma" not in shapes and not any(name.startswith("stage4") for name in shapes)
    # The depth is the longest chain of layers: all convolutions but the shortcuts', and fc1.
    assert sum(not name.endswith("_sc") for name in convolutions(symbol)) + 1 == num_layers


@pytest.mark.parametrize("module", [resnet, resnext], ids=module_name)
def test_images_of_33_pixels_get_the_imagenet_network(module):
    small = module.get_symbol(num_layers=20, image_shape="3,32,32")
    large = module.get_symbol(num_layers=18, image_shape="3,33,33")
    assert convolutions(small)["conv0"]["kernel"] == "(3, 3)"
    assert convolutions(large)["conv0"]["kernel"] == "(7, 7)"
    assert large.infer_shape(data=(1, 3, 33, 33))[1] == [(1, 1000)]


@pytest.mark.parametrize("num_group, width_per_group, shape", [
    (32, 4, (128, 4, 3, 3)), (64, 4, (256, 4, 3, 3)), (64, 2, (128, 2, 3, 3)), (1, 64, (64, 64, 3, 3))])
def test_groups_and_their_width_give_the_width_of_a_resnext_unit(num_group, width_per_group, shape):
    symbol = resnext.get_symbol(num_group=num_group, width_per_group=width_per_group)
    shapes = canon.parameter_shapes(symbol, 224)
    assert shapes["stage1_unit1_conv2_weight"] == shape
    assert shapes["stage4_unit3_conv2_weight"] == (8 * shape[0], 8 * shape[1], 3, 3)


def test_a_convolution_workspace_can_be_asked_for():
    for module in (resnet, resnext):
        symbol = module.get_symbol(conv_workspace=64)
        assert {attributes["workspace"] for attributes in convolutions(symbol).values()} == {"64"}


def test_vgg_with_batch_norm_normalises_every_convolution():
    symbol = vgg.get_symbol(num_layers=11, batch_norm=True)
    normalised = [node["name"] for node in canon.nodes(symbol) if node["op"] == "BatchNorm"]
    assert normalised == [name.replace("conv", "bn") for name in convolutions(symbol)] and len(normalised) == 8


@pytest.mark.parametrize("name", ZOO_NAMES)
def test_a_half_precision_network_has_half_precision_weights_and_single_precision_ends(name):
    symbol = symbols.get_symbol(name, dtype="float16")
    arguments, outputs, _ = symbol.infer_type(data=np.float32)
    types = dict(zip(symbol.list_arguments(), arguments))
    weights = [key for key in types if key.endswith("_weight")]
    assert weights and all(types[key] == np.float16 for key in weights)
    assert types["data"] == types[symbols.label_name(symbol)] == np.float32
    assert outputs == [np.float32]
    casts = [node["name"] for node in canon.nodes(symbol) if node["op"] == "Cast"]
    assert casts == ["data_float16", "logits_float32"]
    size = symbols.get_network(name).image_shape[1]
    assert canon.parameter_shapes(symbol, size) == canon.parameter_shapes(symbols.get_symbol(name), size)


@pytest.mark.parametrize("name", ZOO_NAMES)
def test_a_fresh_head_follows_the_last_flatten(name):
    network = symbols.get_network(name)
    whole = network.get_symbol()
    cut = symbols.replace_head(whole, num_classes=10)
    size = network.image_shape[1]
    shapes, before = canon.parameter_shapes(cut, size), canon.parameter_shapes(whole, size)
    kept = {key: shape for key, shape in before.items() if not key.startswith("fc")}
    assert {key: shapes[key] for key in shapes if not key.startswith("fc_")} == kept
    features = {"caffenet": 9216, "squeezenet": 1000, "nin": 1000, "vgg16": 25088, "vgg19": 25088, "resnet-18": 512,
                "resnet-34": 512, "inception-bn": 1024}.get(name, 2048)
    assert (shapes["fc_weight"], shapes["fc_bias"]) == ((10, features), (10,))
    assert [node["op"] for node in canon.nodes(cut) if node["op"] != "null"][-3:] == [
        "Flatten", "FullyConnected", "SoftmaxOutput"]
    assert symbols.label_name(cut) == "softmax_label" and cut.list_outputs() == ["softmax_output"]


def test_a_fresh_head_leaves_the_mirroring_of_resnet_200_in_place():
    mirrored = [node["name"] for node in canon.nodes(symbols.replace_head(symbols.get_symbol("resnet-200")))
                if "__force_mirroring__" in node.get("attrs", {})]
    whole = [node["name"] for node in canon.nodes(symbols.get_symbol("resnet-200"))
             if "__force_mirroring__" in node.get("attrs", {})]
    assert mirrored == [name for name in whole if name not in ("fc1", "softmax", "softmax_label")]


def test_a_fresh_head_on_a_half_precision_network_is_half_precision_up_to_the_softmax():
    cut = symbols.replace_head(symbols.get_symbol("caffenet", dtype="float16"))
    arguments, outputs, _ = cut.infer_type(data=np.float32)
    assert dict(zip(cut.list_arguments(), arguments))["fc_weight"] == np.float16
    assert outputs == [np.float32]


def test_a_network_without_flatten_has_no_place_for_a_fresh_head():
    symbol = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc"), name="out")
    with pytest.raises(UserError, match="has no Flatten"):
        symbols.replace_head(symbol)
    with pytest.raises(UserError, match="num_classes is 0"):
        symbols.replace_head(symbols.get_symbol("nin"), num_classes=0)


def test_a_symbol_with_no_label_or_with_two_has_no_label_name():
    data = mx.sym.Variable("data")
    one = mx.sym.SoftmaxOutput(data, name="one")
    assert symbols.label_name(one) == "one_label"
    for symbol in (data, mx.sym.Group([one, mx.sym.SoftmaxOutput(data, name="two")])):
        with pytest.raises(UserError, match="there must be one"):
            symbols.label_name(symbol)


def test_a_graph_does_not_depend_on_the_process_that_builds_it():
    code = "from mxbench import symbols; print(symbols.get_symbol('resnext-50').tojson())"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert json.loads(output) == json.loads(symbols.get_symbol("resnext-50").tojson())
