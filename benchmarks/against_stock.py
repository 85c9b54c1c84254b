"""How much faster mxbench's settings make MXNet on this CPU than MXNet as it comes.

    python benchmarks/against_stock.py --networks resnet-50,vgg16
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

import click
from turns import OPTIONS, conditions, overall, ratio, rounds

from mxbench import cli, runtime
from mxbench.commands.options import CommaList
from mxbench.symbols import get_network, list_networks

TRAINER = str(Path(__file__).with_name("train_mxnet.py"))


def command(network: str, batch_size: int, tuning: str) -> tuple:
    """How to start a training process under a tuning: command and environment."""
    return [sys.executable, TRAINER, network, str(batch_size), tuning], runtime.start_environment(tuning, on_cpu=True)


@click.command(name="against_stock.py", params=[
    click.Option(["--networks"], type=CommaList(), help="Networks by name.  [default: all 16]"), *OPTIONS])
def main(networks, batch_size: int, count: int, at_least: float, seconds: float) -> None:
    """Compare tuned with stock MXNet on the CPU, synthetic data, in windows that take turns."""
    names = [get_network(name).name for name in networks or list_networks()]
    click.echo(f"{conditions(batch_size, count, at_least)}\n")
    click.echo("| network | tuned, images/sec | stock, images/sec | tuned / stock (95 % interval) |\n|---|---:|---:|---:|")
    ratios = []
    for name in names:
        found = rounds({tuning: command(name, batch_size, tuning) for tuning in runtime.TUNINGS}, count, at_least, seconds)
        ratios.append(ratio(found["tuned"], found["stock"]))
        click.echo(f"| {name} | {median(found['tuned']):.2f} | {median(found['stock']):.2f} | {ratios[-1]} |")
    click.echo(f"\n{overall(ratios)}")


if __name__ == "__main__":
    sys.exit(cli.main(command=main))
