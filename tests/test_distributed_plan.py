"""Which machines train together, as hosts files, launchers and options say, and the speed of all from the windows of each."""

import sys

import pytest
from hypothesis import given, strategies as st

from mxbench.distributed.hosts import Host, read_hosts
from mxbench.distributed.plan import team
from mxbench.distributed.ranks import DEFAULT_PORT, find_rank
from mxbench.distributed.speed import Tally, together
from mxbench.errors import UserError
from mxbench.measure.job import Member
from mxbench.measure.worker import part_of

OPTIONS = {"kv_store": "dist_sync", "gpus": ""}


def hosts_file(folder, text):
    path = folder / "hosts.txt"
    path.write_text(text)
    return path


def test_a_hosts_file_names_machines_users_ports_and_interpreters(tmp_path):
    path = hosts_file(tmp_path, "# the cluster\nnode1\n\nme@node2:2222 python=/opt/py/bin/python  # the slow one\n10.0.0.3:22\n")
    assert read_hosts(path) == [Host("node1", None, None, sys.executable), Host("node2", "me", 2222, "/opt/py/bin/python"),
                                Host("10.0.0.3", None, 22, sys.executable)]


@pytest.mark.parametrize("text, said", [
    ("", "names no host"), ("# nothing\n", "names no host"), ("node1 slots=2", "hosts.txt:1"), ("a b c", "hosts.txt:1"),
    ("node1\nnode1:22", "node1 more than once"), ("node1:70000", "hosts.txt:1"), ("ok\nuser@:22", "hosts.txt:2"),
])
def test_what_is_no_hosts_file_is_refused(tmp_path, text, said):
    with pytest.raises(UserError, match=said):
        read_hosts(hosts_file(tmp_path, text))


def test_a_hosts_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="absent.txt.*No such file"):
        read_hosts(tmp_path / "absent.txt")


@given(st.text(max_size=60))
def test_no_line_of_a_hosts_file_is_a_bug(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("hosts") / "hosts.txt"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        assert all(host.name for host in read_hosts(path))
    except UserError as error:
        assert "\n" not in str(error) or "\n" in text


@pytest.mark.parametrize("environment, number, size, address", [
    ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4", "DMLC_PS_ROOT_URI": "node1"}, 1, 4, "node1"),
    ({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"}, 0, 2, "127.0.0.1"),
    ({"PMI_RANK": "2", "PMI_SIZE": "3", "MPI_LOCALNRANKS": "3"}, 2, 3, "127.0.0.1"),
    ({"SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.1"}, 3, 8, "10.0.0.1"),
    ({"JOB_COMPLETION_INDEX": "1", "MXBENCH_COMPLETIONS": "2", "DMLC_PS_ROOT_URI": "train-0.train"}, 1, 2, "train-0.train"),
])
def test_other_launchers_tell_rank_and_size(environment, number, size, address):
    found = find_rank(environment)
    assert (found.number, found.size, found.address, found.port) == (number, size, address, DEFAULT_PORT)


@pytest.mark.parametrize("environment", [{}, {"OMPI_COMM_WORLD_RANK": "0"}, {"PMI_RANK": "0", "PMI_SIZE": "1"},
                                         {"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}])
def test_a_process_that_stands_alone_has_no_rank(environment):
    assert find_rank(environment) is None


@pytest.mark.parametrize("environment, said", [
    ({"PMI_RANK": "2", "PMI_SIZE": "2"}, "PMI_RANK=2"), ({"PMI_RANK": "x", "PMI_SIZE": "2"}, "PMI_RANK=x is no number"),
    ({"PMI_RANK": "0", "PMI_SIZE": "2"}, "set DMLC_PS_ROOT_URI"),
    ({"PMI_RANK": "0", "PMI_SIZE": "2", "DMLC_PS_ROOT_URI": "a", "DMLC_PS_ROOT_PORT": "0"}, "DMLC_PS_ROOT_PORT=0"),
])
def test_a_launcher_that_makes_no_sense_is_refused(environment, said):
    with pytest.raises(UserError, match=said):
        find_rank(environment)


@pytest.mark.parametrize("options, said", [
    ({"kv_store": "local", "workers": [2]}, "--workers.*--kv-store dist_sync"),
    ({"kv_store": None, "hosts": "hosts.txt"}, "--hosts.*--kv-store dist_sync"),
    ({"kv_store": "device", "gc_type": "2bit"}, "--gc-type 2bit"),
    ({"frontend": "gluon"}, "--frontend gluon"), ({"parallel_cells": True}, "--parallel-cells"),
    ({"gpus": "0,1,2", "workers": [2]}, "--gpus 0,1,2: 2 workers"), ({"hosts": "absent.txt"}, "absent.txt"),
])
def test_options_that_do_not_fit_together_are_refused(options, said):
    with pytest.raises(UserError, match=said):
        team({**OPTIONS, **options})


def test_a_team_has_a_worker_on_each_machine_unless_told_otherwise(tmp_path):
    path = hosts_file(tmp_path, "node1\nnode2\n")
    assert team({**OPTIONS, "hosts": path}).workers == (2,)
    assert team({**OPTIONS, "hosts": path}).servers is None
    asked = team({**OPTIONS, "hosts": path, "workers": [1, 3], "servers": 1, "gpus": "0,1"})
    assert (asked.workers, asked.servers, asked.slots(3), asked.machines) == ((1, 3), 1, 2, 2)
    assert team({"kv_store": "local", "gpus": ""}) is None


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 3))
def test_workers_share_out_a_machine_without_using_a_core_twice(slots, cores, each):
    numbered = [[core, core + 100] for core in range(cores)]
    parts = [part_of(Member(slot, slots, slot, slots, tuple(range(slots * each))), numbered) for slot in range(slots)]
    assert sorted(gpu for gpus, _ in parts for gpu in gpus) == list(range(slots * each))
    used = [cpu for _, cpus in parts for cpu in cpus]
    assert all(cpus for _, cpus in parts)
    assert len(set(used)) == len(used) or slots > cores


def window(images, seconds):
    return {"images": images, "seconds": seconds}


def speed(*windows):
    return {"windows": list(windows), "stop": "precise", "verdict": "stable", "warmup": []}


def test_workers_in_step_have_each_trained_on_as_many_images():
    found = together(speed(*[window(10, 1.0)] * 6), 4, Tally(4), is_sync=True)
    assert found["images_per_second"] == 40 and found["interval"] == (40, 40)
    assert [one["images"] for one in found["windows"]] == [40] * 6


def test_workers_out_of_step_are_counted_over_the_time_of_each_window():
    tally = Tally(2)
    for number in range(1, 9):
        tally.add(0, 10, 10.0, float(number))
    for number in range(1, 5):
        tally.add(1, 60, 30.0, 2.0 * number)
    found = together(speed(*[window(10, 1.0)] * 6), 2, tally, is_sync=False)
    assert found["images_per_second"] == pytest.approx(40)
    assert tally.speeds(6) == (10.0, 30.0)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 50), st.floats(0.01, 2)), min_size=1, max_size=40))
def test_no_image_is_counted_twice(windows):
    tally, now = Tally(3), 0.0
    for rank, images, seconds in windows:
        now += seconds
        tally.add(rank, images, images / seconds, now)
    middle = now / 2
    whole = tally.images(0.0, now)
    assert whole == pytest.approx(tally.images(0.0, middle) + tally.images(middle, now))
    assert 0 <= whole <= sum(images for _, images, _ in windows)
