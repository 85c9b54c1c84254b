"""The models of the two Gluon zoos: found by name, counted, and of the sizes that others published."""

import importlib.abc
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from gluon_bench import difference

from mxbench import predict, symbols
from mxbench.cli import main
from mxbench.errors import UserError
from mxbench.gluon import counting, get_block, layers, zoos
from mxbench.runtime import mx
from mxbench.symbols.export import graph_of

# GluonCV is installed where make test is given EXTRA=cpu,gluon, as .ci/run does.
gluoncv = pytest.mark.skipif(not zoos.has_gluoncv(), reason="GluonCV is not installed: make test EXTRA=cpu,gluon")

# Parameters without moving statistics and MACs of one image, at each model's own size: torchvision, imgclsmob; MXNet's
# ResNets have 6 parameters more, for the mean of the raw image, which theirs do not learn.
PUBLISHED = {
    "gluon:squeezenet1.1": (1_235_496, 349_151_936),
    "gluon:vgg16": (138_357_544, 15_470_264_320),
    "gluon:vgg19": (143_667_240, 19_632_062_464),
    "gluon:inceptionv3": (23_834_568, 5_713_216_096),
    "gluon:resnet50_v2": (25_549_480 + 6, 4_089_184_256),
    "gluon:resnet101_v2": (44_541_608 + 6, 7_801_405_440),
    "gluon:resnet152_v2": (60_185_256 + 6, 11_513_626_624),
    "gluoncv:resnext50_32x4d": (25_028_904, 4_230_479_872),
    "gluoncv:resnext101_32x4d": (44_177_704, 7_969_996_800),
    "gluoncv:resnext101_64x4d": (83_455_272, 15_460_270_080),
}
# With moving statistics, as Gluon's collect_params has them.
PUBLISHED_IN_ALL = {
    "gluon:resnet50_v2": 25_595_060, "gluon:resnet101_v2": 44_639_412, "gluon:resnet152_v2": 60_329_140,
    "gluon:squeezenet1.1": 1_235_496, "gluon:inceptionv3": 23_869_000, "gluoncv:resnext50_32x4d": 25_097_128,
}
# What GluonCV has beside classification of images, or cannot trace.
OTHER_TASKS = re.compile(r"coco|voc|_ade|citys|kinetics|ucf101|hmdb51|sthsth|_custom|mhpv1|otb15|monodepth|pose|int8|rcnn|"
                         r"_s$|_gn$|101e_64x4d$")


def set_random(block):
    """Draw all parameters: weights that keep the size of the signal, all else around 1 or 0."""
    random = np.random.default_rng(0)
    for one in block.collect_params().values():
        drawn = random.standard_normal(one.shape, dtype=np.float32)
        if one.name.endswith("weight"):
            one.set_data(mx.nd.array(drawn * np.sqrt(2 / np.prod(one.shape[1:]))))
        else:
            one.set_data(mx.nd.array(0.1 * drawn + one.name.endswith(("gamma", "var"))))


def published(table):
    return [pytest.param(name, value, marks=gluoncv if name.startswith("gluoncv") else ()) for name, value in table.items()]


@pytest.mark.parametrize("name, expected", published(PUBLISHED))
def test_models_are_as_large_as_published(name, expected):
    network = symbols.get_network(name)
    assert tuple(counting.count(network.get_symbol(), network.image_shape)) == expected


@pytest.mark.parametrize("name, expected", published(PUBLISHED_IN_ALL))
def test_blocks_hold_as_many_numbers_as_published(name, expected):
    block = get_block(name)
    shape = symbols.get_network(name).image_shape
    block.infer_shape(mx.nd.zeros((1, *shape)))
    assert sum(int(np.prod(one.shape)) for one in block.collect_params().values()) == expected


@pytest.mark.parametrize("name", ["resnet-50", "inception-bn", "caffenet", "resnext-101-64x4d"])
def test_both_ways_of_counting_agree(name):
    network = symbols.get_network(name)
    counted = predict.count(predict.load(graph_of(network)), network.image_shape)
    assert counting.count(network.get_symbol(), network.image_shape) == (counted.parameters, counted.macs)


@pytest.mark.parametrize("name, said", [
    ("gluon:densenet12", "did you mean gluon:densenet121"),
    ("gluoncv:mobilnetv2_1.0", "did you mean gluoncv:mobilenetv2_1.0"),
    ("gluoncv:", "mxbench networks --all"),
    ("gluon:no such thing at all", "mxbench networks --all"),
])
def test_unknown_models_get_the_nearest_name(name, said):
    with pytest.raises(UserError, match=said):
        symbols.get_network(name)


def test_without_gluoncv_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(zoos, "has_gluoncv", lambda: False)
    with pytest.raises(UserError, match=r"gluoncv:alexnet needs GluonCV.*pip install"):
        symbols.get_network("gluoncv:alexnet")
    assert {network.name.partition(":")[0] for network in zoos.networks()} == {"gluon"}


def test_a_gluoncv_that_cannot_be_imported_is_told_in_one_line(monkeypatch):
    class Broken(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name == "gluoncv":
                raise ImportError("No module named 'yacs'")

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "gluoncv"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(UserError, match=r"cannot be imported \(No module named 'yacs'\): run .* pip") as refusal:
        zoos.block("gluoncv:alexnet")
    assert "\n" not in str(refusal.value)


@gluoncv
@pytest.mark.parametrize("name, model", [
    ("resnext-50", "resnext50_32x4d"),
    pytest.param("resnext-101", "resnext101_32x4d", marks=pytest.mark.slow),
    pytest.param("resnext-101-64x4d", "resnext101_64x4d", marks=pytest.mark.slow),
])
def test_resnext_is_that_of_gluoncv_after_the_normalisation_of_the_raw_image(name, model):
    ours, theirs = get_block(name, 10), zoos.block(f"gluoncv:{model}", 10)
    layers.change(theirs, layers.nn.BatchNorm, layers.set_epsilon(2e-5))
    images = mx.nd.array(np.random.default_rng(1).standard_normal((2, 3, 48, 48), dtype=np.float32))
    for block in (ours, theirs):
        block.initialize()
        block(images)
    set_random(ours)
    shift, mine, others = (list(one.collect_params().values()) for one in (ours.features[0], ours, theirs))
    assert len(mine) == len(shift) + len(others)
    for one, other in zip(mine[len(shift):], others):
        other.set_data(one.data())  # which have the same shape, or this is refused
    assert difference(ours(images).asnumpy(), theirs(ours.features[0](images)).asnumpy()) < 1e-5


def test_a_model_has_its_own_input_size_and_traces_alike_every_time():
    network = symbols.get_network("gluon:inceptionv3")
    assert network.image_shape == (3, 299, 299)
    network = symbols.get_network("gluon:mobilenet0.25")
    first = network.get_symbol(7).tojson()
    get_block("gluon:mobilenet0.25")
    assert network.get_symbol(7).tojson() == first
    assert network.get_symbol(7).infer_shape(data=(2, 3, 224, 224))[1] == [(2, 7)]


def test_a_float16_model_computes_in_float16():
    symbol = symbols.get_symbol("gluon:mobilenet0.25", dtype="float16")
    arguments, outputs, _ = symbol.infer_type(data="float32")
    kinds = dict(zip(symbol.list_arguments(), arguments))
    assert outputs[0].__name__ == "float32"
    assert {kind.__name__ for name, kind in kinds.items() if name.endswith("weight")} == {"float16"}


def test_the_list_is_that_of_gluons_own_zoo():
    with pytest.raises(ValueError) as refusal:
        mx.gluon.model_zoo.vision.get_model("")
    assert sorted(str(refusal.value).split("\n\t")[1:]) == sorted(zoos.GLUON)


@gluoncv
def test_the_list_is_that_of_gluoncv():
    from gluoncv.model_zoo.model_zoo import get_model_list

    assert sorted(name for name in get_model_list() if not OTHER_TASKS.search(name)) == sorted(zoos.GLUONCV)


@gluoncv
@pytest.mark.parametrize("name", ["mobilenetv2_1.0", "cifar_resnet20_v1", "se_resnet18_v1", "shufflenet_v1"])
def test_models_of_gluoncv_are_traced_and_counted(name):
    network = symbols.get_network(f"gluoncv:{name}")
    counted = counting.count(network.get_symbol(), network.image_shape)
    assert counted.parameters > 10_000 and counted.macs > 1_000_000


@gluoncv
def test_gluoncv_is_imported_without_pytorch(tmp_path):
    tmp_path.joinpath("torch.py").write_text("__version__ = '2.14.1'", encoding="utf-8")  # newer than GluonCV allows
    program = ("import sys; from mxbench.gluon import get_block; get_block('gluoncv:alexnet'); "
               "assert 'torch' not in sys.modules; "
               "import torch; get_block('gluoncv:vgg11'); assert sys.modules['torch'] is torch")
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=True)


@pytest.mark.slow
@gluoncv
def test_all_models_are_listed_with_their_counts_even_where_opencv_cannot_be_loaded(tmp_path):
    fault = "libGL.so.1: cannot open shared object file: No such file or directory"
    tmp_path.joinpath("cv2.py").write_text(f"raise ImportError({fault!r})", encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "mxbench", "networks", "--all"], stdout=subprocess.PIPE, check=True,
                          universal_newlines=True, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    lines = [line.split() for line in done.stdout.splitlines()[1:]]
    models = [f"gluon:{name}" for name in zoos.GLUON] + [f"gluoncv:{name}" for name in zoos.GLUONCV]
    assert [line[0] for line in lines] == symbols.list_networks() + models
    assert all(int(figure.replace(",", "")) > 0 for line in lines for figure in line[2:4])


@pytest.mark.slow
def test_without_gluoncv_the_list_says_what_is_left_out(monkeypatch, capsys):
    monkeypatch.setattr(zoos, "has_gluoncv", lambda: False)
    assert main(["networks", "--all"]) == 0
    told = capsys.readouterr()
    assert "gluon:densenet121" in told.out and "gluoncv:" not in told.out
    assert "the models of GluonCV are left out" in told.err and "pip install" in told.err
