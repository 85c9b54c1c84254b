"""Where the time of a training step goes on this CPU, by oneDNN's own log of the primitives that it runs.

    python benchmarks/step_profile.py --networks resnet-50,squeezenet
"""

from __future__ import annotations

import sys
from collections import Counter
from statistics import median
from typing import Dict, List, NamedTuple, Sequence

import click
from against_stock import command
from turns import Contestant

from mxbench import cli, predict, runtime
from mxbench.commands.options import BatchSize, CommaList
from mxbench.results.machine import cpu_model, physical_cores
from mxbench.symbols import get_network, get_symbol

# oneDNN's names of primitives, and ours.
KINDS = {
    "convolution": "convolutions", "inner_product": "fully connected", "batch_normalization": "BatchNorm",
    "eltwise": "ReLU", "pooling": "pooling", "pooling_v2": "pooling", "reorder": "copies between memory layouts", "lrn": "LRN",
    "concat": "concatenations", "sum": "sums", "binary": "sums",
}
MATRIX_WORK = ("convolutions", "fully connected")
OTHER = "other primitives"
REST = "outside of oneDNN"
ONE_STEP = 1e-9  # a window of at least so many seconds


class Profile(NamedTuple):
    """Milliseconds of a step in all and by kind, medians over some steps, and its multiplications and additions."""

    step: float
    kinds: Dict[str, float]
    gflop: float

    @property
    def gflops(self) -> float:
        """The rate of arithmetic over the step."""
        return 1e3 * self.gflop / self.step

    @property
    def matrix_gflops(self) -> float:
        """The rate of arithmetic while oneDNN computes convolutions and fully connected layers."""
        return 1e3 * self.gflop / sum(self.kinds.get(kind, 0) for kind in MATRIX_WORK)


def milliseconds(log: Sequence[str]) -> Counter:
    """Time by kind of primitive in lines of oneDNN's log: ``dnnl_verbose,exec,cpu,convolution,…,MILLISECONDS``."""
    found: Counter = Counter()
    for line in log:
        fields = line.split(",")
        if fields[0] in ("dnnl_verbose", "onednn_verbose") and fields[1] == "exec":
            found[KINDS.get(fields[3], OTHER)] += float(fields[-1])
    return found


def profile(network: str, batch_size: int, steps: int) -> Profile:
    """Train for some steps in a process of its own, and read the log of each."""
    arguments, environment = command(network, batch_size, "tuned")
    times: List[float] = []
    logs: List[Counter] = []
    with Contestant(network, arguments, {**environment, "DNNL_VERBOSE": "1"}) as process:
        process.window(ONE_STEP)
        for _ in range(steps):
            times.append(1e3 * batch_size / process.window(ONE_STEP))
            logs.append(milliseconds(process.printed))
            logs[-1][REST] = times[-1] - sum(logs[-1].values())
    work = predict.count(predict.load(get_symbol(network, 1000)), get_network(network).image_shape)
    flops = work.forward_flops + work.backward_flops + work.recomputed_flops
    return Profile(median(times), {kind: median(log[kind] for log in logs) for kind in set().union(*logs)},
                   flops * batch_size / 1e9)


def peak() -> float:
    """GFLOP/s of the fastest matrix product, as in the runs (see :mod:`mxbench.measure.gemm`)."""
    runtime.tune("tuned")
    from mxbench.measure import gemm

    return gemm.peak(runtime.mx.cpu()).gflops


def table(profiles: Dict[str, Profile], best: float) -> str:
    """All profiles in one Markdown table, the kinds in the order of the time that they take together."""
    kinds = sum((Counter(one.kinds) for one in profiles.values()), Counter()).most_common()
    lines = [f"| ms of a step | {' | '.join(profiles)} |", "|---" + "|---:" * len(profiles) + "|"]
    for kind, _ in kinds:
        lines.append(f"| {kind} | " + " | ".join(f"{one.kinds.get(kind, 0):.0f}" for one in profiles.values()) + " |")
    for name, value in (("all", lambda one: f"{one.step:.0f}"),
                        ("GFLOP/s over the step", lambda one: f"{one.gflops:.0f} ({one.gflops / best:.0%})"),
                        ("GFLOP/s in convolutions and fully connected layers",
                         lambda one: f"{one.matrix_gflops:.0f} ({one.matrix_gflops / best:.0%})")):
        lines.append(f"| {name} | " + " | ".join(map(value, profiles.values())) + " |")
    return "\n".join(lines)


@click.command(name="step_profile.py", params=[
    click.Option(["--networks"], type=CommaList(), default="squeezenet,resnet-18,resnet-50", show_default=True),
    click.Option(["--batch-size"], type=BatchSize(), default=10, show_default=True),
    click.Option(["--steps"], type=click.IntRange(min=1), default=10, show_default=True, help="Steps of each network."),
])
def main(networks, batch_size: int, steps: int) -> None:
    """Show how long convolutions, copies, BatchNorm and the rest of a step take on the CPU, and how near the
    convolutions come to the fastest matrix product."""
    names = [get_network(name).name for name in networks]
    best = peak()
    click.echo(f"CPU: {cpu_model()}, {physical_cores()} cores; batch size {batch_size}, synthetic data; "
               f"medians of {steps} steps; peak {best:.0f} GFLOP/s\n")
    click.echo(table({name: profile(name, batch_size, steps) for name in names}, best))


if __name__ == "__main__":
    sys.exit(cli.main(command=main))
