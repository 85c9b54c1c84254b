"""How fast MXNet trains on this CPU beside PyTorch, on the networks that both have. Needs pip install '.[peers]'.

    python benchmarks/against_pytorch.py --networks resnet-50,vgg16
"""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
from against_stock import command
from turns import OPTIONS, conditions, overall, ratio, rounds

from mxbench import cli
from mxbench.commands.options import CommaList
from mxbench.errors import UserError, nearest
from mxbench.results.machine import physical_cores
from mxbench.symbols import get_network

TRAINER = str(Path(__file__).with_name("train_pytorch.py"))
LAYOUTS = ("contiguous", "channels-last")


class Peer(NamedTuple):
    """The model of a PyTorch library that is the same architecture, or the nearest one; ``unlike`` says what differs.

    ``stem`` says which layers it gets in addition to be the same (see :mod:`train_pytorch`).
    """

    library: str
    model: str
    stem: str = "as-is"
    unlike: str = ""

    def __str__(self) -> str:
        added = f" + {STEMS[self.stem]}" if STEMS[self.stem] else ""
        return f"{self.library} {self.model}{added}{f' ({self.unlike})' if self.unlike else ''}"

    def unchanged(self) -> Peer:
        """The library's model as it is."""
        lacks = f"no {STEMS[self.stem]}" if STEMS[self.stem] else ""
        return self._replace(stem="as-is", unlike=", ".join(filter(None, (lacks, self.unlike))))


STEMS = {"as-is": "", "input": "BatchNorm on the input",
         "input-and-convolution": "BatchNorm on the input and after the first convolution"}

# PyTorch has no Network in Network, no Inception-BN and no pre-activated ResNet-200.
PEERS = {
    "caffenet": Peer("torchvision", "alexnet", unlike="no groups, no LRN, fewer and narrower convolutions"),
    "squeezenet": Peer("torchvision", "squeezenet1_1"),
    **{f"resnet-{depth}": Peer("timm", f"resnetv2_{depth}", "input-and-convolution", "no projection in the first unit")
       for depth in (18, 34)},
    **{f"resnet-{depth}": Peer("timm", f"resnetv2_{depth}", "input-and-convolution") for depth in (50, 101, 152)},
    "inception-v3": Peer("torchvision", "inception_v3"),
    "vgg16": Peer("torchvision", "vgg16"),
    "vgg19": Peer("torchvision", "vgg19"),
    "resnext-50": Peer("torchvision", "resnext50_32x4d", "input"),
    "resnext-101": Peer("timm", "resnext101_32x4d", "input"),
    "resnext-101-64x4d": Peer("torchvision", "resnext101_64x4d", "input"),
}


def peer_command(network: str, peer: Peer, batch_size: int, layout: str) -> tuple:
    """How to start the training process of a network's peer: command and environment."""
    threads = physical_cores()
    arguments = (peer.library, peer.model, peer.stem, batch_size, get_network(network).image_shape[-1], layout, threads)
    return [sys.executable, TRAINER, *map(str, arguments)], {**os.environ, "OMP_NUM_THREADS": str(threads)}


def versions() -> str:
    """The peers' versions, such as ``torch 2.14.1``.

    Raises:
        UserError: one is not installed.
    """
    try:
        return ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "torchvision", "timm"))
    except metadata.PackageNotFoundError as error:
        raise UserError(f"{error.name} is not installed: run pip install '.[peers]' (Python 3.10 or newer)") from None


@click.command(name="against_pytorch.py", params=[
    click.Option(["--networks"], type=CommaList(), help="Networks by name.  [default: all that have a peer]"),
    click.Option(["--unchanged"], is_flag=True, help="Take the libraries' models without the layers that they lack."),
    *OPTIONS])
def main(networks, unchanged: bool, batch_size: int, count: int, at_least: float, seconds: float) -> None:
    """Compare tuned MXNet with PyTorch in its faster memory layout on the CPU, on as many threads, synthetic data, in
    windows that take turns."""
    names = networks or list(PEERS)
    for name in names:
        if name not in PEERS:
            raise UserError(f"PyTorch has no peer of {name!r}: {nearest(name, PEERS)}")
    click.echo(f"{versions()}; {conditions(batch_size, count, at_least)}\n")
    click.echo("| network | peer | layout | MXNet, images/sec | PyTorch, images/sec | MXNet / PyTorch (95 % interval) |\n"
               "|---|---|---|---:|---:|---:|")
    ratios = []
    for name in names:
        contestants = {"mxnet": command(name, batch_size, "tuned")}
        peer = PEERS[name].unchanged() if unchanged else PEERS[name]
        contestants.update((layout, peer_command(name, peer, batch_size, layout)) for layout in LAYOUTS)
        found = rounds(contestants, count, at_least, seconds)
        layout = max(LAYOUTS, key=lambda one: median(found[one]))
        ratios.append(ratio(found["mxnet"], found[layout]))
        click.echo(f"| {name} | {peer} | {layout} | "
                   f"{median(found['mxnet']):.2f} | {median(found[layout]):.2f} | {ratios[-1]} |")
    click.echo(f"\n{overall(ratios)}")


if __name__ == "__main__":
    sys.exit(cli.main(command=main))
