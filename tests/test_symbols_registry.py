"""The registry: the zoo in table order, a user's own networks beside it, and errors that say what to do."""

import dataclasses
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from mxbench import symbols
from mxbench.errors import UserError
from mxbench.runtime import mx
from mxbench.symbols import registry
from mxbench.symbols.export import export_symbols, json_path

ROOT = Path(__file__).parent.parent

TINY = """
from mxbench.runtime import mx
from mxbench.symbols import register_network

def get_symbol(num_classes, image_shape, num_filter=4):
    assert isinstance(image_shape, str)
    body = mx.sym.Convolution(mx.sym.Variable("data"), num_filter=num_filter, kernel=(3, 3), name="conv")
    body = mx.sym.FullyConnected(mx.sym.Flatten(body, name="flat"), num_hidden=num_classes, name="fc1")
    return mx.sym.SoftmaxOutput(body, name="softmax")

def without_shape(num_classes=10):
    return get_symbol(num_classes, "3,8,8")

def broken(num_classes):
    return "not a network"

def blind(num_classes):
    return mx.sym.SoftmaxOutput(mx.sym.Variable("image"), name="softmax")

answer = 42
"""


@pytest.fixture
def fresh_registry(monkeypatch):
    """The zoo alone; what a test registers goes with it."""
    monkeypatch.setattr(registry, "_networks", {name: registry._networks[name] for name in registry.ZOO_NAMES})
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def tiny(tmp_path, fresh_registry):
    path = tmp_path / "tiny.py"
    path.write_text(TINY)
    return path


def run_python(code, *paths, **variables):
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, (ROOT,) + paths)), **variables)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done


def test_the_zoo_is_listed_in_the_order_of_the_published_table(fresh_registry):
    table = json.loads((ROOT / "tests" / "data" / "zoo" / "table.json").read_text())
    networks = [symbols.get_network(name) for name in symbols.list_networks()]
    assert [[each.name, each.display_name, each.top5, each.image_shape[1]] for each in networks] == table
    assert all(each.image_shape[0] == 3 and each.image_shape[1] == each.image_shape[2] for each in networks)
    assert all("arXiv:" in each.paper and each.source is None for each in networks)


def test_a_network_is_a_value(fresh_registry):
    network = symbols.get_network("resnet-50")
    with pytest.raises(dataclasses.FrozenInstanceError):
        network.name = "other"
    assert pickle.loads(pickle.dumps(network)) == network and hash(network) == hash(symbols.get_network("resnet-50"))


def test_checkpoint_facts_name_the_zoos_files():
    assert symbols.get_network("inception-v3").checkpoint == "Inception-7"
    assert symbols.get_network("inception-v3").checkpoint_classes == 1008
    assert symbols.get_network("squeezenet").checkpoint == "squeezenet_v1.1"
    assert symbols.get_network("resnet-50").checkpoint == "resnet-50"


@pytest.mark.parametrize("given, suggested", [("resnet-5O", "resnet-50"), ("ResNet-50", "resnet-50"),
                                              ("resnext-101-64x4", "resnext-101-64x4d"), ("vgg-16", "vgg16"),
                                              ("inceptionv3", "inception-v3")])
def test_a_misspelt_name_gets_the_nearest_right_one(given, suggested):
    with pytest.raises(UserError, match=f"{given!r}: did you mean {suggested}\\?"):
        symbols.get_network(given)


def test_a_name_like_no_other_gets_the_whole_list():
    with pytest.raises(UserError, match="choose from caffenet, squeezenet, nin"):
        symbols.get_symbol("zebra")


def test_what_makes_a_network_itself_cannot_be_changed():
    assert symbols.get_symbol("resnet-50", num_layers=50).tojson() == symbols.get_symbol("resnet-50").tojson()
    with pytest.raises(UserError, match="resnet-50 is built with num_layers=50, not 101"):
        symbols.get_symbol("resnet-50", num_layers=101)


def test_the_number_of_classes_and_the_image_shape_can_be_changed():
    symbol = symbols.get_symbol("caffenet", num_classes=7, image_shape=(3, 64, 64))
    assert symbol.infer_shape(data=(1, 3, 64, 64))[1] == [(1, 7)]
    with pytest.raises(UserError, match="at least 55"):
        symbols.get_symbol("caffenet", image_shape="3,32,32")


def test_the_registry_and_the_files_are_read_without_importing_mxnet():
    run_python("import sys; from mxbench import symbols; from mxbench.symbols.export import json_path\n"
               "for name in symbols.list_networks(): symbols.get_network(name), json_path(name).read_bytes()\n"
               "assert 'mxnet' not in sys.modules")


def test_a_users_file_is_a_network(tiny):
    network = symbols.get_network(f"{tiny}:get_symbol")
    assert network.name == network.display_name == "tiny:get_symbol"
    assert network.image_shape == (3, 224, 224)
    assert network.source == f"{tiny.resolve()}:get_symbol"
    symbol = network.get_symbol(num_classes=5, image_shape=(3, 8, 8), num_filter=2, unknown=1)
    assert symbol.infer_shape(data=(1, 3, 8, 8))[1] == [(1, 5)]
    assert network.name not in symbols.list_networks()


def test_a_users_function_gets_only_the_arguments_that_it_takes(tiny):
    network = symbols.get_network(f"{tiny}:without_shape")
    assert network.get_symbol(3).infer_shape(data=(1, 3, 8, 8))[1] == [(1, 3)]
    assert network.get_symbol(3, dtype="float32").list_arguments()
    with pytest.raises(UserError, match="float32 only"):
        network.get_symbol(3, dtype="float16")


def test_a_users_file_is_found_by_a_relative_path(tiny, monkeypatch):
    monkeypatch.chdir(tiny.parent)
    assert symbols.get_network("tiny.py:get_symbol").source == f"{tiny.resolve()}:get_symbol"
    assert symbols.get_network("./tiny.py:get_symbol") == symbols.get_network(f"{tiny}:get_symbol")


def test_files_of_one_name_in_two_folders_are_two_networks(tiny):
    other = tiny.parent / "other" / "tiny.py"
    other.parent.mkdir()
    other.write_text(TINY.replace("num_filter=4", "num_filter=9"))
    for path, num_filter in ((tiny, 4), (other, 9)):
        symbol = symbols.get_symbol(f"{path}:get_symbol", image_shape="3,8,8")
        shapes = dict(zip(symbol.list_arguments(), symbol.infer_shape(data=(1, 3, 8, 8))[0]))
        assert shapes["conv_bias"] == (num_filter,)


def test_a_users_file_may_import_its_neighbours_and_its_package(tiny):
    package = tiny.parent / "nets_of_test"
    (package / "deep").mkdir(parents=True)
    for folder in (package, package / "deep"):
        (folder / "__init__.py").write_text("")
    (package / "base.py").write_text(TINY)
    (package / "deep" / "net.py").write_text("from ..base import get_symbol as build\ndef get_symbol(**kwargs):\n"
                                             "    kwargs.pop('dtype', None)\n    return build(**kwargs)\n")
    (tiny.parent / "beside.py").write_text("from tiny import get_symbol as build\n"
                                           "def network(num_classes): return build(num_classes, '3,8,8')\n")
    for source in (f"{package}/deep/net.py:get_symbol", f"{tiny.parent}/beside.py:network"):
        assert symbols.get_symbol(source, num_classes=2).list_outputs() == ["softmax_output"]


@pytest.mark.parametrize("source, said", [
    ("{folder}/absent.py:get_symbol", "no such file"),
    ("{folder}/tiny.py:get_symbl", "no function 'get_symbl': did you mean get_symbol"),
    ("{folder}/tiny.py:answer", "no function 'answer'"),
    ("{folder}/tiny.py", "give path/to/module.py:function"),
    ("{folder}/tiny.txt:get_symbol", "give path/to/module.py:function"),
    ("{folder}/tiny.py:", "give path/to/module.py:function"),
    ("{folder}/syntax.py:get_symbol", "cannot be imported: SyntaxError"),
    ("{folder}/exits.py:get_symbol", "cannot be imported: SystemExit"),
    ("{folder}/needs.py:get_symbol", "cannot be imported: ModuleNotFoundError")])
def test_a_file_that_holds_no_network_gets_one_line(tiny, source, said):
    (tiny.parent / "tiny.txt").write_text(TINY)
    (tiny.parent / "syntax.py").write_text("def get_symbol(:\n")
    (tiny.parent / "exits.py").write_text("raise SystemExit(3)\n")
    (tiny.parent / "needs.py").write_text("import a_module_that_is_not_there\n")
    with pytest.raises(UserError, match=said) as error:
        symbols.get_network(source.format(folder=tiny.parent))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("function, said", [("broken", "returned str, not an mx.sym.Symbol"),
                                            ("blind", "no input named data")])
def test_a_function_that_returns_no_network_gets_one_line(tiny, function, said):
    network = symbols.get_network(f"{tiny}:{function}")
    with pytest.raises(UserError, match=said):
        network.get_symbol()


def test_a_registered_network_works_like_the_zoos(tiny):
    function = symbols.get_network(f"{tiny}:get_symbol").builder
    network = symbols.register_network("tiny", function, image_shape="3,32,32", display_name="Tiny", top5=50)
    assert symbols.list_networks()[-1] == "tiny" and symbols.list_networks()[:-1] == list(registry.ZOO_NAMES)
    assert symbols.get_network("tiny") is network
    assert (network.image_shape, network.display_name, network.top5) == ((3, 32, 32), "Tiny", 50)
    assert symbols.get_symbol("tiny", num_classes=4).infer_shape(data=(1, 3, 32, 32))[1] == [(1, 4)]
    assert symbols.get_network(network.source) is network
    with pytest.raises(UserError, match="did you mean tiny"):
        symbols.get_network("tinny")
    assert [path.name for path in export_symbols(tiny.parent, ["tiny"])] == ["tiny-symbol.json"]
    with pytest.raises(UserError, match="no symbol file comes with mxbench for 'tiny'"):
        json_path("tiny")


def test_a_users_file_can_be_exported(tiny):
    paths = export_symbols(tiny.parent / "json", [f"{tiny}:get_symbol"], num_classes=2)
    assert [path.name for path in paths] == ["tiny-get_symbol-symbol.json"]
    assert mx.sym.load(str(paths[0])).list_outputs() == ["softmax_output"]


def test_another_process_finds_a_network_that_its_file_registers(tiny):
    tiny.write_text("import mxnet as mx" + TINY.replace("from mxbench.runtime import mx", "")
                    + "\nregister_network('tiny', get_symbol, (3, 16, 16), 'Tiny')\n")
    source = f"{tiny}:get_symbol"
    output = run_python("from mxbench import symbols\n"
                        f"network = symbols.get_network({source!r})\n"
                        "print(network.name, network.image_shape, network.source)").stdout
    assert output == f"tiny (3, 16, 16) {tiny.resolve()}:get_symbol\n"


def test_a_script_can_register_a_function_of_its_own(tiny):
    tiny.write_text(TINY + "\nif __name__ == '__main__':\n"
                           "    print(register_network('tiny', get_symbol).source)\n")
    done = subprocess.run([sys.executable, str(tiny)], capture_output=True, text=True, check=True,
                          env=dict(os.environ, PYTHONPATH=str(ROOT)))
    assert symbols.get_network(done.stdout.strip()).get_symbol(2).list_outputs() == ["softmax_output"]


def module_level(num_classes):
    return mx.sym.SoftmaxOutput(mx.sym.Variable("data"), name="softmax")


def test_taken_names_bad_names_and_functions_out_of_reach_are_refused(fresh_registry):
    def nested(num_classes):
        return module_level(num_classes)

    for name, function, keywords, said in (
            ("resnet-50", module_level, {}, "registered already"), ("Mine", module_level, {}, "lower-case"),
            ("", module_level, {}, "lower-case"), ("a b", module_level, {}, "lower-case"),
            ("mine.py", module_level, {}, "lower-case"), ("mine", nested, {}, "top level of a module"),
            ("mine", lambda num_classes: None, {}, "top level of a module"),
            ("mine", print, {}, "top level of a module"), ("mine", "get_symbol", {}, "top level of a module"),
            ("mine", module_level, {"top5": 107}, "percentage"),
            ("mine", module_level, {"image_shape": (3, 224)}, "3,224,224")):
        with pytest.raises(UserError, match=said):
            symbols.register_network(name, function, **keywords)
    assert symbols.list_networks() == list(registry.ZOO_NAMES)
    symbols.register_network("mine", module_level)
    with pytest.raises(UserError, match="registered already"):
        symbols.register_network("mine", module_level)


def install(folder, package, text):
    """What pip leaves behind for a package with one module of networks."""
    (folder / f"{package}.py").write_text(text)
    metadata = folder / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[mxbench.networks]\n{package} = {package}\n")


def test_networks_of_an_installed_package_are_listed_by_themselves(tmp_path):
    install(tmp_path, "zoo_of_mine", TINY + "\nregister_network('mine', get_symbol, (3, 8, 8))\n")
    output = run_python("import sys\nfrom mxbench import symbols\n"
                        "print(symbols.list_networks()[-1], len(symbols.list_networks()), 'mxnet' in sys.modules)\n"
                        "print(symbols.get_symbol('mine', 3).list_outputs())", tmp_path).stdout
    assert output == "mine 17 False\n['softmax_output']\n"


def test_an_installed_package_that_breaks_does_not_take_the_zoo_away(tmp_path):
    install(tmp_path, "zoo_of_others", "raise OSError('out of order')\n")
    done = run_python("from mxbench import symbols; print(len(symbols.list_networks()))", tmp_path)
    assert done.stdout == "16\n"
    assert "zoo_of_others" in done.stderr and "OSError: out of order" in done.stderr
