"""What training takes on a GPU equals what MXNet's GPU binary allocates, and is told part by part."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from mxbench import predict
from mxbench.errors import UserError
from mxbench.symbols import get_network
from mxbench.symbols.export import json_path



def recorded(name):
    """The records of a file of measured figures, without the note that heads it."""
    lines = (Path(__file__).parent / "data" / "predict" / name).read_text().splitlines()
    return [json.loads(line) for line in lines[1:]]


ALLOCATIONS = recorded("gpu-allocations.jsonl")

# The stand-in cuDNN of the recorded figures asks every convolution for 1 MiB, which the pool rounds to 2 MiB.
KNOWN = {"context_mib": 0, "workspace_mib": 2}


def graph_of(name, protocol="imagenet"):
    graph = predict.load(json_path(name))
    return predict.cut(graph, 10) if protocol == "published" else graph


def resnet_18(batch_size=10, **options):
    return predict.predict_memory(graph_of("resnet-18"), batch_size, (3, 224, 224), **options)


def test_every_recorded_allocation_of_the_gpu_binary_is_predicted():
    predictors = {}
    for record in ALLOCATIONS:
        options = {name: record[name] for name in ("kv_store", "optimizer", "momentum", "dtype")}
        key = (record["network"], record["protocol"], tuple(options.values()))
        if key not in predictors:
            predictors[key] = predict.Predictor(graph_of(*key[:2]), record["image_shape"], **options, **KNOWN)
        predicted = predictors[key].predict(record["batch_size"])
        assert predicted.low_mib == predicted.high_mib == record["mib"], record


def test_the_recorded_allocations_cover_all_networks_at_four_batch_sizes():
    cells = {(record["network"], record["batch_size"]) for record in ALLOCATIONS if record["protocol"] == "imagenet"}
    assert len(cells) >= 64


def test_the_high_water_mark_on_a_cpu_is_predicted_within_a_few_percent():
    errors = []
    for record in recorded("cpu-high-water.jsonl"):
        image_shape = get_network(record["network"]).image_shape
        predicted = predict.predict_memory(graph_of(record["network"]), record["batch_size"], image_shape, device="cpu")
        errors.append(abs(predicted.mib / record["mib"] - 1))
    assert statistics.median(errors) <= 0.03
    assert max(errors) <= 0.14


def test_parts_add_up_to_the_total():
    prediction = resnet_18()
    assert prediction.low_mib == pytest.approx(sum(low for low, _ in prediction.parts.values()))
    assert prediction.high_mib == pytest.approx(sum(high for _, high in prediction.parts.values()))


def test_what_is_unknown_before_running_is_an_interval_that_known_figures_close():
    open_interval = resnet_18()
    assert open_interval.high_mib - open_interval.low_mib > 400
    closed = resnet_18(context_mib=500, workspace_mib=64)
    assert closed.low_mib == closed.high_mib
    assert open_interval.low_mib < closed.low_mib < open_interval.high_mib


def test_a_kvstore_object_keeps_one_more_copy_of_the_weights():
    weights = resnet_18().parts["weights"]
    assert resnet_18(kv_store="device").parts["kvstore"] == (0, 0)
    assert resnet_18(kv_store=None).parts["kvstore"] == (0, 0)
    assert resnet_18(kv_store="object").parts["kvstore"] == weights
    assert resnet_18(kv_store=object()).parts["kvstore"] == weights


@pytest.mark.parametrize("options, copies", [
    (dict(optimizer="sgd"), 1), (dict(optimizer="sgd", momentum=0), 0), (dict(optimizer="nag"), 1),
    (dict(optimizer="adam"), 2), (dict(optimizer="adam", momentum=0), 2), (dict(optimizer="rmsprop"), 1),
])
def test_optimizers_keep_their_number_of_states(options, copies):
    parts = resnet_18(**options).parts
    assert parts["optimizer state"][0] == pytest.approx(copies * parts["weights"][0])


def test_half_precision_halves_activations_and_keeps_float32_masters():
    full, half = resnet_18().parts, resnet_18(dtype="float16").parts
    assert 0.45 < half["activations"][0] / full["activations"][0] < 0.6
    assert half["optimizer state"][0] > 1.9 * full["optimizer state"][0]


def test_the_largest_batch_fits_and_the_next_does_not():
    largest = predict.largest_batch_size(graph_of("resnet-18"), (3, 224, 224), 8192)
    assert resnet_18(largest).verdict(8192) == "fits"
    assert resnet_18(largest + 1).verdict(8192) == "marginal"
    assert resnet_18(3 * largest).verdict(8192) == "out of memory"


def test_no_batch_fits_where_the_context_alone_does_not():
    assert predict.largest_batch_size(graph_of("resnet-18"), (3, 224, 224), 100) == 0


@pytest.mark.parametrize("options, words", [
    (dict(optimizer="adan"), "optimizer adan is not known: did you mean adam"),
    (dict(dtype="int8"), "dtype int8 is not known"),
    (dict(device="tpu"), "device tpu is not known"),
    (dict(mxnet="0.5"), "MXNet release 0.5 is not known"),
    (dict(context_mib=-1), "context of -1 MiB is not possible"),
    (dict(dtype="float16", optimizer="adam"), "adam in float16"),
    (dict(device="cpu", mxnet="0.11"), "for MXNet 1.9.1 only"),
    (dict(batch_size=0), "batch size 0 is not possible"),
])
def test_impossible_requests_are_refused_in_one_line(options, words):
    with pytest.raises(UserError, match=words) as refused:
        resnet_18(**options)
    assert "\n" not in str(refused.value)
