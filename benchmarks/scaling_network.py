"""How close predictions of scaling come: workers in network namespaces, whose links are limited, against the model.

    python benchmarks/scaling_network.py --network resnet-18 --workers 1,2,4 --bandwidths 1Gbit,200Mbit

Each worker has a namespace with an address and a link of its own, limited in both directions by the kernel's token bucket
(tc), as if it was a machine. All share this machine's cores: each is kept on one. What a step takes without a limit is
measured first, for each number of workers, and the steps under a limit are predicted from that. Needs root, ip and tc.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import List, Optional

import click

from mxbench import cli
from mxbench.commands.options import Bandwidth, BatchSize, CommaList
from mxbench.errors import UserError
from mxbench.predict.scaling import predict_scaling
from mxbench.results import store
from mxbench.results.machine import cpu_model, usable_cpus
from mxbench.results.record import OK, Record

_BRIDGE, _NAME = "mxbench0", "mxbench{}"
_BURST_SECONDS = 0.004  # what the bucket lets through at once


@contextmanager
def network(hosts: int, bandwidth: Optional[float]):
    """Names of namespaces that reach each other at 10.77.0.1 and on, over links of ``bandwidth`` bytes per second."""
    names = [_NAME.format(number) for number in range(hosts)]
    try:
        _do(f"ip link add {_BRIDGE} type bridge")
        _do(f"ip link set {_BRIDGE} up")
        for number, name in enumerate(names):
            _do(f"ip netns add {name}")
            _do(f"ip link add {name}-out type veth peer name eth0 netns {name}")
            _do(f"ip link set {name}-out master {_BRIDGE} up")
            _do(f"ip -n {name} addr add 10.77.0.{number + 1}/24 dev eth0")
            _do(f"ip -n {name} link set eth0 up")
            _do(f"ip -n {name} link set lo up")
            if bandwidth:
                limit = f"root tbf rate {bandwidth:.0f}bps burst {max(65536, bandwidth * _BURST_SECONDS):.0f} latency 50ms"
                _do(f"tc qdisc add dev {name}-out {limit}")
                _do(f"ip netns exec {name} tc qdisc add dev eth0 {limit}")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "link", "del", _BRIDGE], stderr=subprocess.DEVNULL)


def _do(command: str) -> None:
    try:
        subprocess.run(command.split(), check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise UserError("ip and tc are not installed: run apt-get install iproute2") from None
    except subprocess.CalledProcessError as error:
        raise UserError(f"'{command}' failed ({error.stderr.strip()}): this takes root and a kernel with network namespaces, "
                        "bridges and tbf") from None


def measure(name: str, batch_size: int, workers: int, bandwidth: Optional[float], seconds: float) -> Record:
    """The record of so many workers, each in a namespace and on a core, with a server beside each."""
    cpus = usable_cpus()
    with tempfile.TemporaryDirectory() as folder, network(workers, bandwidth) as names:
        output = Path(folder) / "results.jsonl"
        options = ["run", "--kv-store", "dist_sync", "--network", name, "--batch-size", str(batch_size), "--data", "synthetic",
                   "--max-seconds", str(seconds), "--output", str(output)]
        ranks = [subprocess.Popen(
            ["ip", "netns", "exec", names[rank], "taskset", "-c", str(cpus[rank % len(cpus)]), sys.executable, "-m", "mxbench",
             *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PMI_RANK": str(rank), "PMI_SIZE": str(workers), "DMLC_PS_ROOT_URI": "10.77.0.1",
                 "PYTHONPATH": os.pathsep.join(sys.path)},
        ) for rank in range(workers)]
        said = [process.communicate()[1] for process in ranks]
        records = store.read(output)[0] if store.exists(output) else []
    if not records or records[-1].status != OK:
        raise UserError(f"{workers} workers could not be measured: {(records[-1].message if records else said[0]).strip()}")
    return records[-1]


def _row(workers: int, text: str, record: Record, base: Record, bandwidth: Optional[float]) -> str:
    scaling, alone = record.scaling, base.scaling
    measured = f"| {workers} | {text} | {scaling.step_seconds:.3f} |"
    if bandwidth is None:
        return f"{measured} | |"
    found = predict_scaling(record.cell.batch_size, alone.compute_seconds, alone.gradient_bytes, workers, record.cell.servers,
                            bandwidth, local_seconds=max(0.0, alone.step_seconds - alone.compute_seconds))
    low, high = found.step_seconds
    miss = min(0.0, scaling.step_seconds / low - 1) or max(0.0, scaling.step_seconds / high - 1)
    return f"{measured} {low:.3f} to {high:.3f} | {f'{miss:+.0%}' if miss else 'within'} |"


@click.command(name="scaling_network.py")
@click.option("--network", "name", default="resnet-18", show_default=True)
@click.option("--batch-size", type=BatchSize(), default=10, show_default=True, help="Of each worker.")
@click.option("--workers", type=CommaList(click.IntRange(min=1, max=200)), default=(1, 2, 4), show_default=True)
@click.option("--bandwidths", type=CommaList(), default="1Gbit,500Mbit,200Mbit", show_default=True)
@click.option("--seconds", type=click.FloatRange(min=1), default=15.0, show_default=True, help="Of each measurement.")
def main(name: str, batch_size: int, workers: List[int], bandwidths: List[str], seconds: float) -> None:
    """Compare measured with predicted steps of workers whose network is limited."""
    rates = {text: Bandwidth().convert(text, None, None) for text in bandwidths}
    click.echo(f"{name}, batch size {batch_size} of each worker, a server beside each; CPU: {cpu_model()}, "
               f"{len(usable_cpus())} cores, a worker on each\n")
    click.echo("| workers | bandwidth | step, seconds | predicted | off by |\n|---:|---|---:|---|---:|")
    for count in workers:
        base = measure(name, batch_size, count, None, seconds)
        click.echo(_row(count, "no limit", base, base, None))
        for text, rate in rates.items():
            click.echo(_row(count, text, measure(name, batch_size, count, rate, seconds), base, rate))


if __name__ == "__main__":
    sys.exit(cli.main(command=main))
