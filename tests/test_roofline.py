"""What a network computes, from its graph, and what part of the machine's peak a measurement reached."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxbench import predict
from mxbench.report.document import build, load
from mxbench.results.record import OK, Arithmetic, Cell, NotARecord, Peak, Record, Speed, from_line, to_line
from mxbench.results.roofline import flops_per_image, gflops, share_of_peak
from mxbench.runtime import mx
from mxbench.symbols import get_network, list_networks
from mxbench.symbols.export import graph_of

ROOT = Path(__file__).resolve().parents[1]
FIGURES = json.loads((ROOT / "tests/data/zoo/figures.json").read_text())

WORK = Arithmetic(macs=10**9, forward_flops=2 * 10**9, backward_flops=4 * 10**9, update_flops=10**9)
MEASURED = Record(Cell("nin", 10), OK, speed=Speed(20.0), arithmetic=WORK, peak=Peak(244.0, "FullyConnected", 2048))


# Counting


@pytest.mark.parametrize("name", list_networks())
def test_the_forward_pass_takes_two_flops_for_each_published_multiply_accumulate(name):
    network = get_network(name)
    counted = predict.count(predict.load(graph_of(network)), network.image_shape)
    assert counted.forward_flops == 2 * FIGURES[name]["macs_by_input"][str(network.image_shape[-1])]
    assert counted.recomputed_flops == (counted.forward_flops if name == "resnet-200" else 0)
    assert counted.forward_flops < counted.backward_flops <= 2 * counted.forward_flops


@given(name=st.sampled_from(["caffenet", "resnet-18", "resnet-200", "squeezenet"]), batch_size=st.integers(2, 64))
@settings(deadline=None, max_examples=10)
def test_work_is_linear_in_the_batch_size_and_the_update_does_not_depend_on_it(name, batch_size):
    graph = predict.load(graph_of(get_network(name)))
    one, many = (dataclasses.asdict(predict.count(graph, (3, 224, 224), size)) for size in (1, batch_size))
    for what in ("macs", "forward_flops", "backward_flops", "recomputed_flops"):
        assert many[what] == batch_size * one[what]
    assert many["update_flops"] == one["update_flops"] == 7 * one["parameters"]


@given(groups=st.integers(1, 3), channels=st.integers(1, 3), filters=st.integers(1, 3), kernel=st.integers(1, 3),
       stride=st.integers(1, 2), size=st.integers(7, 9), hidden=st.integers(1, 4))
@settings(deadline=None, max_examples=15)
def test_where_everything_is_1_every_multiply_accumulate_adds_1_to_what_mxnet_computes(
        groups, channels, filters, kernel, stride, size, hidden):
    """Sums over outputs and gradients count the additions of products, in MXNet's own forward and backward passes."""
    body = mx.sym.Convolution(mx.sym.Variable("data"), num_filter=groups * filters, kernel=(kernel, kernel), num_group=groups,
                              stride=(stride, stride), no_bias=True, name="first")
    last = mx.sym.FullyConnected(body, num_hidden=hidden, no_bias=True, name="last")
    shape = (groups * channels, size, size)
    counts = [predict.count(predict.load(symbol), shape) for symbol in (body, last)]
    first_macs, last_macs = counts[0].macs, counts[1].macs - counts[0].macs

    gradients, sums = {}, {}
    for name, symbol, given_shape in (("first", body, shape), ("last", mx.sym.FullyConnected(
            mx.sym.Variable("data"), num_hidden=hidden, no_bias=True), (last_macs // hidden,))):
        bound = symbol.simple_bind(mx.cpu(), data=(1, *given_shape))
        for array in bound.arg_arrays:
            array[:] = 1
        output = bound.forward(is_train=True)[0]
        bound.backward(mx.nd.ones(output.shape))
        sums[name] = output.sum().asscalar()
        gradients[name] = [array.sum().asscalar() for array in bound.grad_arrays]
    assert sums == {"first": first_macs, "last": last_macs}
    assert gradients == {"first": [first_macs] * 2, "last": [last_macs] * 2}
    # The images need no gradient.
    assert counts[1].backward_flops == 2 * (gradients["first"][1] + sum(gradients["last"]))


@pytest.mark.parametrize("marked", ["none", "all", "every second"])
def test_what_is_computed_again_is_what_mxnet_plans_to(marked):
    body = mx.sym.Variable("data")
    for number in range(6):
        again = marked == "all" or (marked == "every second" and number % 2)
        with mx.AttrScope(__force_mirroring__=str(bool(again))):
            body = mx.sym.Convolution(body, num_filter=3, kernel=(1, 1), name=f"conv{number}")
            body = mx.sym.Activation(body, act_type="relu", name=f"relu{number}")
    symbol = mx.sym.SoftmaxOutput(mx.sym.Flatten(body), name="softmax")
    needs = {name: "null" if name in ("data", "softmax_label") else "write" for name in symbol.list_arguments()}
    steps = symbol.simple_bind(mx.cpu(), data=(1, 3, 4, 4), grad_req=needs).debug_str().splitlines()
    planned = sum(line.startswith("Op:Convolution,") for line in steps)
    counted = predict.count(predict.load(symbol), (3, 4, 4))
    each = counted.forward_flops // 6
    assert counted.recomputed_flops == (planned - 6) * each
    assert planned == {"none": 6, "all": 12, "every second": 9}[marked]


# Records


def test_arithmetic_per_second_counts_the_update_once_a_step():
    assert flops_per_image(MEASURED) == 6.1e9
    assert gflops(MEASURED) == pytest.approx(122.0)
    assert share_of_peak(MEASURED) == pytest.approx(0.5)
    again = dataclasses.replace(WORK, recomputed_flops=2 * 10**9, update_flops=None)
    assert flops_per_image(dataclasses.replace(MEASURED, arithmetic=again)) == 8e9


@pytest.mark.parametrize("changed", [{"arithmetic": None}, {"status": "timeout", "speed": None}])
def test_without_a_count_or_a_speed_there_is_no_arithmetic_per_second(changed):
    record = dataclasses.replace(MEASURED, **changed)
    assert gflops(record) is share_of_peak(record) is None


def test_without_a_peak_there_is_no_share():
    assert share_of_peak(dataclasses.replace(MEASURED, peak=None)) is None
    assert share_of_peak(dataclasses.replace(MEASURED, peak=Peak(0.0))) is None


def test_a_record_keeps_both_and_an_older_one_has_neither():
    assert from_line(to_line(MEASURED)) == MEASURED
    fields = json.loads(to_line(MEASURED))
    del fields["arithmetic"], fields["peak"]
    assert from_line(json.dumps(fields)) == dataclasses.replace(MEASURED, arithmetic=None, peak=None)


@pytest.mark.parametrize("name, value", [
    ("arithmetic", {}), ("arithmetic", {"macs": "many"}), ("peak", {}), ("peak", {"gflops": "fast"}), ("peak", 100),
])
def test_a_count_or_a_peak_of_the_wrong_kind_is_no_record(name, value):
    with pytest.raises(NotARecord):
        from_line(json.dumps({**json.loads(to_line(MEASURED)), name: value}))


def test_records_with_unlike_peaks_stand_in_one_table():
    other = dataclasses.replace(MEASURED, peak=Peak(305.0, "FullyConnected", 4096))
    assert other.key == MEASURED.key and other.surroundings() == MEASURED.surroundings()


# Tables


def section(text):
    return text.partition("## Arithmetic")[2]


def test_a_table_shows_the_arithmetic_and_its_share_of_the_peak():
    other = dataclasses.replace(MEASURED, cell=Cell("nin", 20), speed=Speed(24.0), peak=Peak(305.0, "FullyConnected", 4096))
    failed = dataclasses.replace(MEASURED, cell=Cell("vgg16", 10), status="out_of_memory", speed=None)
    text = section(build([MEASURED, other, failed], roofline=True))
    assert "|nin              |122 (50%)    |145 (48%)    |6.05           |" in text
    assert "|vgg16            |out of memory|not run      |6.10           |" in text
    assert "- peak: 244 - 305 GFLOP/s, the fastest float32 product of 4096 x 4096 matrices" in text


def test_what_is_not_known_is_called_so():
    bare = dataclasses.replace(MEASURED, cell=Cell("vgg16", 10), arithmetic=None, peak=None)
    no_peak = dataclasses.replace(MEASURED, peak=None)
    text = section(build([bare, no_peak], roofline=True))
    assert "|nin              |122          |6.10           |" in text
    assert "|vgg16            |unknown      |unknown        |" in text
    assert "- peak: not measured" in text


def test_several_processes_of_a_cell_count_by_their_median():
    others = [dataclasses.replace(MEASURED, repeat=number, speed=Speed(speed)) for number, speed in ((1, 10.0), (2, 40.0))]
    assert "|nin              |122 (50%)    |" in section(build([MEASURED, *others], roofline=True))


@pytest.mark.parametrize("form", ["markdown", "latex"])
@pytest.mark.parametrize("beside", [False, True])
def test_the_arithmetic_is_added_only_where_it_is_asked_for(form, beside):
    with_it, without = (build([MEASURED], form=form, beside=beside, roofline=asked) for asked in (True, False))
    assert "Arithmetic (GFLOP/s" in with_it and "GFLOP" not in without


def test_csv_and_json_always_have_the_figures():
    found, = json.loads(build([MEASURED], form="json"))["tables"][0]["cells"]
    assert (found["gflop_per_image"], found["gflops"], found["peak_gflops"], found["share_of_peak"]) == pytest.approx(
        (6.1, 122.0, 244.0, 0.5))
    heads, cells = build([dataclasses.replace(MEASURED, arithmetic=None, peak=None)], form="csv").splitlines()
    assert dict(zip(heads.split(","), cells.split(",")))["share_of_peak"] == ""


def test_machines_side_by_side_have_peaks_of_their_own():
    slow, fast = ({"cpu": name, "cores": 2, "memory_gib": 8} for name in ("Slow", "Fast"))
    records = [dataclasses.replace(MEASURED, machine=slow),
               dataclasses.replace(MEASURED, machine=fast, peak=Peak(976.0, "FullyConnected", 4096))]
    text = section(build(records, beside=True, roofline=True))
    assert "- peak of Slow: 244 GFLOP/s" in text and "- peak of Fast: 976 GFLOP/s" in text
    assert "|122 (50%)" in text and "|122 (12%)" in text


def test_the_published_table_has_no_peak():
    text = section(build(load([ROOT / "results" / "published-titan-x.jsonl"]), roofline=True))
    assert "- peak: not measured" in text and "|CaffeNet         |unknown " in text
