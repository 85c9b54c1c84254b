"""``mxbench predict`` answers in one screen, renders the table, and refuses bad input in one line with code 2."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time

import pytest

from mxbench.cli import main
from mxbench.commands.predict import predict as command
from mxbench.symbols.export import json_path


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments], command)
    return (code, *capsys.readouterr())


def test_one_network_is_told_part_by_part(capsys):
    code, out, _ = run(capsys, "--network", "resnet-50", "--batch-size", 32, "--gpu-memory", "8GiB")
    assert code == 0
    for part in ("weights", "gradients", "optimizer state", "input", "activations", "workspace", "context"):
        assert re.search(rf"^  {part} ", out, re.MULTILINE)
    low, high = re.search(r"total +([\d,]+) - ([\d,]+)", out).groups()
    assert int(low.replace(",", "")) < int(high.replace(",", "")) < 8192
    assert re.search(r"in 8,192 MiB: fits; largest batch size that fits: \d+", out)


def test_the_largest_batch_size_named_is_the_largest_that_fits(capsys):
    arguments = ("--network", "resnet-18", "--gpu-memory", "3GiB", "--batch-size")
    _, out, _ = run(capsys, *arguments, 1)
    largest = int(re.search(r"that fits: (\d+)", out).group(1))
    assert "MiB: fits" in run(capsys, *arguments, largest)[1]
    assert "MiB: fits" not in run(capsys, *arguments, largest + 1)[1]


def test_the_table_has_the_published_form_and_says_that_it_is_predicted(capsys):
    _, out, _ = run(capsys, "--all", "--gpu-memory", "12206MiB", "--mxnet", "0.11", "--protocol", "published")
    lines = out.splitlines()
    assert lines[0] == "## Memory usage (MiB), predicted"
    table = [line for line in lines if line.startswith("|")]
    assert table[0].startswith("|model            |batch size 10|batch size 20|")
    assert len(table) == 2 + 16
    last = [cell.strip() for cell in table[-1].strip("|").split("|")]
    assert last[0] == "ResNeXt-101-64x4d"
    assert last[1].isdigit() and last[2].isdigit()
    assert last[3].endswith("(marginal)") and last[4] == "out of memory"
    assert out.count("out of memory") == 1


def test_layers_names_the_ten_largest_tensors_at_the_peak(capsys):
    _, out, _ = run(capsys, "--network", "vgg16", "--batch-size", 8, "--layers")
    block = out.split("largest tensors at the peak, MiB:\n")[1].split("\n\n")[0].splitlines()
    sizes = [float(line.split()[-1].replace(",", "")) for line in block]
    assert len(sizes) == 10 and sizes == sorted(sizes, reverse=True)
    assert "relu1_1" in block[0] or "conv1_1" in block[0] or "relu1_2" in block[0]


def test_advice_gives_a_figure_for_each_change(capsys):
    _, out, _ = run(capsys, "--network", "vgg16", "--batch-size", 64, "--gpu-memory", "8GiB", "--advise")
    advice = out.split("what would take less, MiB:\n")[1].splitlines()
    assert any(line.strip().startswith("--batch-size") and line.endswith("fits") for line in advice)
    assert any(line.strip().startswith("--dtype float16") for line in advice)


def test_a_plot_is_drawn(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    file = tmp_path / "live.svg"
    assert run(capsys, "--network", "caffenet", "--plot", file)[0] == 0
    assert "<svg" in file.read_text()


@pytest.mark.parametrize("name", ["nowhere/live.svg", "live.nothing"])
def test_a_plot_that_cannot_be_written_is_refused_in_one_line(capsys, tmp_path, name):
    pytest.importorskip("matplotlib")
    code, _, error = run(capsys, "--network", "caffenet", "--plot", tmp_path / name)
    assert code == 2 and "plot cannot be written" in error and error.count("\n") == 1


def test_a_symbol_file_is_a_network_too(capsys):
    by_file = run(capsys, "--symbol", json_path("resnet-18"), "--batch-size", 4)[1]
    by_name = run(capsys, "--network", "resnet-18", "--batch-size", 4)[1]
    assert by_file.splitlines()[1:] == by_name.splitlines()[1:]


def unknown_operator(folder):
    file = folder / "net.json"
    file.write_text(json.dumps({"nodes": [{"op": "null", "name": "data", "inputs": []},
                                          {"op": "ROIPooling", "name": "roi", "inputs": [[0, 0, 0]]}],
                                "heads": [[1, 0, 0]]}))
    return file


@pytest.mark.parametrize("arguments, words", [
    (["--network", "resnet-5"], "did you mean resnet-50"),
    (["--network", "nin", "--batch-size", "0"], "'0' is no batch size"),
    (["--network", "nin", "--image-shape", "3,16,16"], "Pooling pool1 does not fit images of 3,16,16"),
    (["--network", "nin", "--optimizer", "sdg"], "optimizer sdg is not known: did you mean sgd"),
    (["--network", "nin", "--gpu-memory", "much"], "'much' is no size"),
    (["--network", "nin", "--advise"], "give --gpu-memory"),
    (["--all", "--layers"], "are for one network"),
    ([], "give one of --network NAME, --symbol FILE.json and --all"),
    (["--symbol", "UNKNOWN"], "operator ROIPooling .node roi."),
    (["--symbol", __file__], "is not JSON"),
])
def test_bad_input_is_one_line_and_code_2(capsys, tmp_path, arguments, words):
    arguments = [unknown_operator(tmp_path) if argument == "UNKNOWN" else argument for argument in arguments]
    code, out, error = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert re.search(words, error) and error.count("\n") == 1


def test_it_needs_neither_mxnet_nor_numpy():
    script = ("import sys; sys.modules['mxnet'] = None; sys.modules['numpy'] = None\n"
              "from mxbench.cli import main; from mxbench.commands.predict import predict\n"
              "sys.exit(main(['--network', 'resnet-50', '--batch-size', '8'], predict))")
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr
    assert "total" in found.stdout


@pytest.mark.slow
def test_all_64_cells_take_less_than_ten_seconds_of_one_core(capsys):
    begin = time.process_time()
    assert run(capsys, "--all", "--gpu-memory", "12GiB")[0] == 0
    assert time.process_time() - begin < 10
