"""The model of scaling keeps to its bounds, those of a simulation of single arrays among them, whatever is given."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxbench.errors import UserError
from mxbench.predict import load
from mxbench.predict.operators import elements
from mxbench.predict.scaling import (BOTH, PUSHED, SERVER, WORKER, effective_bandwidth, hidden_share, predict_scaling,
                                     traffic)
from mxbench.predict.shapes import infer
from mxbench.symbols import get_network
from mxbench.symbols.export import graph_of

seconds = st.floats(1e-3, 1e3)
sizes = st.floats(1e3, 1e10)
counts = st.integers(1, 64)
bandwidths = st.floats(1e6, 1e12) | st.just(math.inf)
compressions = st.sampled_from(sorted(PUSHED))


def predict(workers=2, servers=2, bandwidth=125e6, gradients=100e6, compute=1.0, **options):
    return predict_scaling(32, compute, gradients, workers, servers, bandwidth, **options)


def no_faster(slower, faster):
    """Whether both bounds of the first step are at least those of the second, up to rounding."""
    return all(one >= other * (1 - 1e-9) for one, other in zip(slower.step_seconds, faster.step_seconds))


def test_a_server_on_each_host_carries_what_is_not_for_itself():
    found = traffic(100.0, 4, 4)
    assert (found.sent_bytes, found.received_bytes, found.link) == (100.0, 100.0, BOTH)
    assert found.together_bytes == found.in_turn_bytes == 150.0  # 3/4 of the pushes and 3/4 of the pulls
    assert traffic(100.0, 1, 1).together_bytes == 0 and traffic(100.0, 1, 1).link == ""


def test_servers_on_machines_of_their_own_are_the_narrow_place_when_they_are_few():
    few, many = traffic(100.0, 4, 1, apart=True), traffic(100.0, 4, 8, apart=True)
    assert (few.together_bytes, few.in_turn_bytes, few.link) == (400.0, 800.0, SERVER)
    assert (many.together_bytes, many.in_turn_bytes, many.link) == (100.0, 200.0, WORKER)


def test_compression_makes_pushes_a_sixteenth_and_leaves_pulls_whole():
    found = traffic(160.0, 2, 1, "2bit", apart=True)
    assert (found.sent_bytes, found.received_bytes, found.together_bytes, found.in_turn_bytes) == (10, 160, 320, 340)


def test_the_step_lies_between_the_longer_part_and_the_sum():
    found = predict(bandwidth=100e6, compute=0.6, input_seconds=0.1, hidden=0.5)
    assert found.network_seconds == (1.0, 1.0) and found.network_bound
    assert found.step_seconds == (1.0, pytest.approx(1.7)) and found.estimate_seconds == pytest.approx(1.35)
    assert found.images_per_second == (pytest.approx(64 / 1.7), 64.0)
    assert found.efficiency == (pytest.approx(0.7 / 1.7), pytest.approx(0.7))


@given(counts, compressions, bandwidths)
def test_one_worker_beside_its_server_or_on_an_infinite_network_is_wholly_efficient(servers, gc_type, bandwidth):
    assert predict(1, servers, bandwidth, gc_type=gc_type).efficiency == (1, 1)
    assert predict(1, servers, math.inf, gc_type=gc_type, apart=True).efficiency == (1, 1)


@given(counts, counts, bandwidths, sizes, seconds, compressions, st.booleans(), st.floats(0, 1))
def test_bounds_are_in_order_and_efficiency_is_a_part(
        workers, servers, bandwidth, size, compute, gc_type, apart, hidden):
    found = predict(workers, servers, bandwidth, size, compute, gc_type=gc_type, apart=apart, hidden=hidden)
    low, high = found.step_seconds
    assert 0 < low <= found.estimate_seconds * (1 + 1e-12) and found.estimate_seconds <= high * (1 + 1e-12)
    assert 0 < found.efficiency[0] <= found.efficiency[1] <= 1
    assert found.images_per_second[0] <= found.images_per_second[1]
    assert found.traffic.together_bytes <= found.traffic.in_turn_bytes * (1 + 1e-12)


@given(counts, counts, bandwidths, sizes, seconds, compressions, st.booleans(), st.floats(1, 100))
def test_a_slower_network_larger_gradients_or_more_to_compute_never_save_time(
        workers, servers, bandwidth, size, compute, gc_type, apart, factor):
    def found(bandwidth=bandwidth, size=size, compute=compute, gc_type=gc_type):
        return predict(workers, servers, bandwidth, size, compute, gc_type=gc_type, apart=apart)

    assert no_faster(found(), found(bandwidth=bandwidth * factor)) and no_faster(found(size=size * factor), found())
    assert no_faster(found(compute=compute * factor), found())
    assert no_faster(found(gc_type="none"), found(gc_type="2bit"))


@given(counts, counts, bandwidths, sizes, compressions)
def test_more_workers_never_make_a_step_shorter(workers, servers, bandwidth, size, gc_type):
    def found(workers, servers, **options):
        return predict(workers, servers, bandwidth, size, gc_type=gc_type, **options)

    assert no_faster(found(workers + 1, servers, apart=True), found(workers, servers, apart=True))
    assert no_faster(found(workers + 1, workers + 1), found(workers, workers))
    assert no_faster(found(servers + workers + 1, servers), found(servers + workers, servers))


@given(counts, counts, bandwidths, sizes, compressions)
def test_more_servers_on_machines_of_their_own_never_cost_time(workers, servers, bandwidth, size, gc_type):
    few, more = (predict(workers, count, bandwidth, size, gc_type=gc_type, apart=True)
                 for count in (servers, servers + 1))
    assert no_faster(few, more)


@given(st.lists(st.tuples(seconds, sizes), min_size=1, max_size=20), counts, counts, st.floats(1e6, 1e11), compressions)
def test_a_simulation_of_single_arrays_stays_within_the_bounds(layers, workers, servers, bandwidth, gc_type):
    """Arrays become ready one after the other, go to evenly shared servers in that order, and come back as soon as all
    workers have pushed; what is on the way waits for what went before it in the same direction."""
    ready = pushed = pulled = 0.0
    busiest = max(1.0, workers / servers)  # how much of an array the busier of a worker's and a server's link carries
    for compute, size in layers:
        ready += compute
        pushed = max(ready, pushed) + PUSHED[gc_type] * size * busiest / bandwidth
        pulled = max(pushed, pulled) + size * busiest / bandwidth
    compute, size = (sum(values) for values in zip(*layers))
    low, high = predict(workers, servers, bandwidth, size, compute, gc_type=gc_type, apart=True).step_seconds
    assert low * (1 - 1e-9) <= pulled <= high * (1 + 1e-9)


@given(st.integers(2, 64), sizes, st.floats(1e6, 1e11), seconds, compressions, st.floats(0, 1))
def test_what_was_predicted_is_read_back_from_its_times(workers, size, bandwidth, compute, gc_type, hidden):
    found = predict(workers, workers, bandwidth, size, compute, gc_type=gc_type, hidden=hidden)
    network = found.network_seconds[0]
    assert effective_bandwidth(found.traffic, network + 0.5, 0.5) == pytest.approx(bandwidth, rel=1e-4)
    again = predict(workers, workers, bandwidth, size, compute, gc_type=gc_type,
                    hidden=hidden_share(compute, network, found.estimate_seconds))
    assert again.estimate_seconds == pytest.approx(found.estimate_seconds)


@pytest.mark.parametrize("network, more", [("resnet-50", [4, 11, 19]), ("vgg16", [1, 2, 3])])
def test_uneven_servers_hold_as_much_more_than_an_even_share_as_the_page_says(network, more):
    """By the rule of mxnet/src/kvstore/kvstore_dist.h."""
    found = get_network(network)
    graph = load(graph_of(found))
    shapes, roles = infer(graph, 1, found.image_shape), graph.roles()
    sizes = [elements(shapes[index][0]) for index in sorted(roles) if roles[index] == "parameter"]

    def busiest(servers):
        small = [sum(size for key, size in enumerate(sizes) if size < 1_000_000 and key * 9973 % servers == server)
                 for server in range(servers)]
        return max(small) * servers + sum(size for size in sizes if size >= 1_000_000)

    assert [round(100 * busiest(servers) / sum(sizes) - 100) for servers in (2, 4, 8)] == more


def test_nothing_is_read_from_where_nothing_crossed_a_network():
    assert effective_bandwidth(traffic(100.0, 1, 1), 1.0) is None
    assert effective_bandwidth(traffic(100.0, 2, 2), 1.0, 1.0) is None
    assert hidden_share(1.0, 0.0, 1.0) is None and hidden_share(1.0, 1.0, 5.0) == 0 and hidden_share(1.0, 1.0, 0.5) == 1


@pytest.mark.parametrize("given_, said", [
    ({"workers": 0}, "workers 0"), ({"servers": 0}, "servers 0"), ({"bandwidth": 0.0}, "bandwidth 0"),
    ({"bandwidth": math.nan}, "bandwidth nan"), ({"compute": 0.0}, "more than 0"), ({"compute": math.inf}, "compute"),
    ({"gradients": 0}, "gradient_bytes"), ({"input_seconds": -1.0}, "input_seconds -1.0"), ({"hidden": 1.5}, "hidden"),
    ({"gc_type": "1bit"}, "did you mean 2bit?"),
])
def test_what_is_not_possible_is_refused_by_name(given_, said):
    with pytest.raises(UserError) as error:
        predict(**given_)
    assert said in str(error.value) and "\n" not in str(error.value)
