"""``mxbench convert``: what it writes loads, and what does not fit is named."""

import numpy as np
import pytest
from gluon_bench import random_parameters

from mxbench.cli import main
from mxbench.errors import UserError
from mxbench.gluon import files, get_block, parameters
from mxbench.runtime import mx
from mxbench.symbols import get_symbol

SHAPE = (3, 64, 64)


@pytest.fixture(scope="module")
def arrays():
    return random_parameters(get_symbol("squeezenet", 7, image_shape=SHAPE), SHAPE)


def convert(folder, source, to, target, network="squeezenet"):
    return main(["convert", str(folder / source), "--network", network, "--to", to, "--output", str(folder / target)])


def test_a_checkpoint_of_any_number_of_classes_goes_to_gluon_and_back(tmp_path, arrays, capsys):
    mx.nd.save(str(tmp_path / "zoo.params"), arrays)
    assert convert(tmp_path, "zoo.params", "gluon", "gluon.params") == 0
    assert capsys.readouterr().out == f"{tmp_path}/gluon.params: 52 arrays with gluon names\n"
    block = get_block("squeezenet", 7)
    block.load_parameters(str(tmp_path / "gluon.params"))
    assert block(mx.nd.zeros((1, *SHAPE))).shape == (1, 7)
    assert convert(tmp_path, "gluon.params", "symbol", "back.params") == 0
    back = mx.nd.load(str(tmp_path / "back.params"))
    assert {name: array.asnumpy().tobytes() for name, array in back.items()} == {
        name: array.asnumpy().tobytes() for name, array in arrays.items()}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.params", "gluon.params", "zoo.params"]


def test_the_published_inception_v3_has_1008_classes():
    pairs = parameters.pairs("inception-v3", 1008)
    given = {pair.symbol: mx.nd.zeros(pair.shape, dtype="float16") for pair in pairs}
    converted = parameters.convert(given, "inception-v3", "gluon")
    assert converted["output.weight"].shape == (1008, 2048) and converted["output.weight"].dtype == np.float16


@pytest.mark.parametrize("change, said", [
    (lambda given: given.pop("arg:conv1_bias"), "missing: arg:conv1_bias"),
    (lambda given: given.update({"arg:fc9_weight": mx.nd.zeros(1)}), "not in squeezenet: arg:fc9_weight"),
    (lambda given: given.update({"arg:conv1_weight": mx.nd.zeros((1, 2))}),
     r"of another shape: arg:conv1_weight \(1, 2\) instead of \(64, 3, 3, 3\)"),
    (lambda given: [given.pop(name) for name in list(given)[:9]], "missing: arg:conv1_weight, .* and 4 more"),
    (lambda given: given.clear(), "missing: "),
])
def test_what_does_not_fit_is_named(arrays, change, said):
    given = dict(arrays)
    change(given)
    with pytest.raises(UserError, match=said):
        parameters.convert(given, "squeezenet", "gluon", SHAPE)


def test_names_that_are_there_already_are_noticed(arrays):
    with pytest.raises(UserError, match="has symbol names already: give --to gluon"):
        parameters.convert(arrays, "squeezenet", "symbol")


@pytest.mark.parametrize("make, arguments, said", [
    (None, {}, "No such file"),
    (lambda path: path.write_bytes(b""), {}, "is no file of parameters"),
    (lambda path: path.write_text("something else, for long enough to be read"), {}, "is no file of parameters"),
    (lambda path: path.mkdir(), {}, "Is a directory"),
    (lambda path: mx.nd.save(str(path), [mx.nd.zeros(1)]), {}, "holds no arrays with names"),
    (lambda path: mx.nd.save(str(path), {"a": mx.nd.zeros(1)}), {"network": "squeezent"}, "did you mean squeezenet"),
    (lambda path: mx.nd.save(str(path), {"a": mx.nd.zeros(1)}), {"network": "gluon:alexnet"}, "only mxbench's 16 networks"),
    (lambda path: mx.nd.save(str(path), {"a": mx.nd.zeros(1)}), {}, "missing: arg:conv1_weight"),
])
def test_bad_files_are_refused_in_one_line_and_nothing_is_written(tmp_path, capsys, make, arguments, said):
    if make:
        make(tmp_path / "given.params")
    assert convert(tmp_path, "given.params", "gluon", "out.params", **arguments) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (tmp_path / "out.params").exists()


def test_a_file_that_cannot_be_written_is_named(tmp_path, capsys, arrays):
    mx.nd.save(str(tmp_path / "zoo.params"), arrays)
    assert convert(tmp_path, "zoo.params", "gluon", "no/such/out.params") == 2
    assert "cannot write" in capsys.readouterr().err


def test_an_interrupted_write_leaves_the_old_file(tmp_path, arrays):
    (tmp_path / "out.params").mkdir()
    with pytest.raises(UserError, match="cannot write"):
        files.write(tmp_path / "out.params", {"a": mx.nd.zeros(1)})
    assert [path.name for path in tmp_path.iterdir()] == ["out.params"]
