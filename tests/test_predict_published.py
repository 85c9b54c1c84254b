"""The memory table of 2017 follows from MXNet's rules, the networks' graphs and one constant."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from mxbench.errors import UserError
from mxbench.predict import load, plan_training, published
from mxbench.predict.memory import CONTEXT_2017_MIB, RELEASES
from mxbench.predict.rules import Backward
from mxbench.symbols import get_network
from mxbench.symbols.export import json_path
from mxbench.symbols.registry import ZOO_NAMES

TABLE = Path(__file__).resolve().parents[1] / "results" / "published-titan-x.jsonl"


def predicted(mxnet="0.11"):
    return published.cells(published.read(TABLE), {name: json_path(name) for name in ZOO_NAMES}, mxnet)


@pytest.fixture(scope="module")
def cells():
    return predicted()


@pytest.fixture(scope="module")
def known(cells):
    return [cell for cell in cells if cell.published_mib is not None]


def errors_of(known, *networks):
    context = published.fit_context_mib(known)
    return [abs(cell.error(context)) for cell in known if not networks or cell.network in networks]


def test_half_of_the_62_cells_are_within_half_a_percent_and_nine_tenths_within_five(known):
    found = published.summarise(errors_of(known))
    assert len(known) == 62
    assert found.median <= 0.004
    assert found.p90 <= 0.031
    assert found.largest <= 0.094


def test_it_is_as_good_for_a_network_that_the_constant_was_not_fitted_to(known):
    found = published.summarise(published.leave_one_network_out(known).values())
    assert found.median <= 0.004
    assert found.p90 <= 0.031


def test_the_constant_of_predictions_is_the_fitted_one(known):
    assert published.fit_context_mib(known) == pytest.approx(CONTEXT_2017_MIB, abs=1)


def test_only_the_cells_published_as_out_of_memory_do_not_fit(cells, known):
    context = published.fit_context_mib(known)
    verdicts = {(cell.network, cell.batch_size): published.verdict(cell, context) for cell in cells}
    assert verdicts.pop(("resnext-101-64x4d", 40)) == "out of memory"
    assert verdicts.pop(("resnext-101-64x4d", 30)) == "marginal"
    assert set(verdicts.values()) == {"fits"}


def cpu_build(rules):
    """The rules of the CPU build: without cuDNN, activations keep their output alone and poolings may overwrite."""
    backward = {
        **rules.backward,
        "Activation": lambda node: Backward((("gradient", 0), ("output", 0)), in_place=((0, 0),)),
        "Pooling": lambda node: Backward((("gradient", 0), ("input", 0), ("output", 0)), in_place=((1, 0),)),
    }
    return dataclasses.replace(rules, backward=backward)


def test_plans_equal_those_of_the_cpu_wheels_of_that_time():
    lines = (Path(__file__).parent / "data" / "predict" / "old-plans.jsonl").read_text().splitlines()[1:]
    for record in map(json.loads, lines):
        graph = load(json_path(record["network"]))
        image_shape = get_network(record["network"]).image_shape
        plan = plan_training(graph, record["batch_size"], image_shape, cpu_build(RELEASES[record["mxnet"]]))
        assert plan.total_bytes >> 20 == record["mib"], record


def test_resnet_200_tells_mxnet_0_11_from_0_10(known):
    before = [cell for cell in predicted("0.10") if cell.published_mib is not None]
    assert max(errors_of(known, "resnet-200")) < 0.01 < 0.02 < max(errors_of(before, "resnet-200"))


def test_the_rules_of_today_do_not_explain_the_table():
    today = [cell for cell in predicted("1.9.1") if cell.published_mib is not None]
    assert published.summarise(errors_of(today)).median > 0.05


def test_a_table_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match="nowhere.jsonl cannot be read"):
        published.read(tmp_path / "nowhere.jsonl")
