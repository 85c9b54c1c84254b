"""``mxbench run``: measure cells and keep the results."""

from __future__ import annotations

import click

from .options import BatchSize, CommaList, ImageShape, Size

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
DEFAULT_OUTPUT = "mxbench-results.jsonl"

# What training in several processes takes; the batch size is that of each worker then.
TOGETHER_OPTIONS = [
    click.Option(["--workers"], type=CommaList(click.IntRange(min=1)), metavar="N",
                 help="Processes that train together; several numbers are measured one after the other.  [default: one on "
                      "each host]"),
    click.Option(["--servers"], type=click.IntRange(min=1), metavar="N",
                 help="Processes that hold the weights.  [default: as many as workers]"),
    click.Option(["--hosts"], type=click.Path(), metavar="FILE",
                 help="The machines, one on a line: [USER@]HOST[:PORT] [python=PATH]. SSH has to reach them.  [default: this "
                      "machine]"),
    click.Option(["--gc-type"], type=click.Choice(["none", "2bit"]), default="none", show_default=True,
                 help="Compression of gradients on their way to the servers."),
]

# What a command that measures takes.
OPTIONS = [
    click.Option(["--network", "--networks", "networks"], type=CommaList(),
                 help="Networks by name, path/to/module.py:function for your own, or a model of a Gluon zoo "
                      "such as gluoncv:mobilenetv2_1.0.  [default: all of mxbench networks]"),
    click.Option(["--batch-size", "--batch-sizes", "batch_sizes"], type=CommaList(BatchSize()),
                 help="Images per step, over all devices together.  [default: 10,20,30,40]"),
    click.Option(["--gpus"], default="", metavar="N,...", help="GPU numbers such as 0 or 0,1.  [default: the CPU]"),
    click.Option(["--parallel-cells"], is_flag=True,
                 help="Measure a cell on each of the GPUs at the same time, not one on all of them."),
    click.Option(["--dask"], metavar="ADDRESS",
                 help="Measure on the workers of this Dask scheduler, such as tcp://10.0.0.1:8786, one cell at a time on each; "
                      "see docs/scaling.md."),
    click.Option(["--protocol"], type=click.Choice(["imagenet", "published"]), default="imagenet", show_default=True,
                 help="imagenet: as in the model zoo, 1000 classes. published: fine-tuning with a new 10-way "
                      "head, as the table of 2017 was made."),
    click.Option(["--frontend"], type=click.Choice(["symbol", "gluon"]), default="symbol", show_default=True,
                 help="symbol: a Symbol trained by Module. gluon: a hybridized block trained by gluon.Trainer."),
    click.Option(["--data", "kind"], type=click.Choice(["recordio", "synthetic"]), default="recordio",
                 show_default=True, help="recordio: JPEG images, decoded while training. synthetic: one batch that stays on the "
                      "device."),
    click.Option(["--data-train"], type=click.Path(),
                 help="Your own RecordIO file.  [default: 8000 generated images]"),
    click.Option(["--num-examples"], type=click.IntRange(min=1), help="Images in one pass.  [default: all]"),
    click.Option(["--image-shape"], type=ImageShape(), help="Input shape.  [default: each network's own]"),
    click.Option(["--num-classes"], type=click.IntRange(min=1), help="Outputs of the network.  [default: 1000]"),
    click.Option(["--dtype"], type=click.Choice(["float32", "float16"]), default="float32", show_default=True),
    click.Option(["--optimizer"], default="sgd", show_default=True, help="Any optimizer of MXNet by name."),
    click.Option(["--lr"], type=float, default=0.01, show_default=True, help="Learning rate."),
    click.Option(["--mom"], type=float, default=0.9, show_default=True, help="Momentum."),
    click.Option(["--wd"], type=float, default=0.0001, show_default=True, help="Weight decay."),
    click.Option(["--kv-store"], type=click.Choice(["local", "device", "dist_sync", "dist_device_sync", "dist_async"]),
                 help="KVStore type; those with dist train in several processes.  [default: local on the CPU, device on GPUs]"),
    *TOGETHER_OPTIONS,
    click.Option(["--tuning"], type=click.Choice(["tuned", "stock"]), default="tuned", show_default=True,
                 help="tuned: the fastest settings of threads, engine and memory for this machine, which docs/performance.md "
                      "lists; what you set in the environment wins. stock: MXNet as it comes."),
    click.Option(["--quick"], is_flag=True, help="Batch size 10 only and short measurements."),
    click.Option(["--repeats"], type=click.IntRange(min=1), default=1, show_default=True,
                 help="Independent processes for each cell."),
    click.Option(["--shuffle"], type=int, metavar="SEED", help="Random order in each round."),
    click.Option(["--precision"], type=click.FloatRange(min=0, min_open=True),
                 help="Stop when the 95 % interval is within this fraction of the median.  [default: 0.01]"),
    click.Option(["--min-seconds"], type=click.FloatRange(min=0), help="Measure at least so long.  [default: 3]"),
    click.Option(["--max-seconds"], type=click.FloatRange(min=0, min_open=True),
                 help="Measure a cell at most so long, after a warm-up of at most a third of it.  [default: 30; 15 with "
                      "--quick]"),
    click.Option(["--disp-batches"], type=click.IntRange(min=1),
                 help="Batches in one timed window.  [default: as many as last 0.5 s]"),
    click.Option(["--timeout"], type=click.FloatRange(min=0, min_open=True), default=1800, show_default=True,
                 help="Give a cell up after so many seconds in all."),
    click.Option(["--memory-limit"], type=Size(),
                 help="Let a cell allocate at most so much on the host, such as 8GiB."),
    click.Option(["--roofline"], is_flag=True,
                 help="Show the arithmetic per second, and its share of the machine's peak, as well."),
    click.Option(["--no-wait"], is_flag=True, help="Fail if another mxbench is measuring on the device."),
    click.Option(["--again"], is_flag=True, help="Measure also what the results file holds already."),
    click.Option(["--output"], type=click.Path(), default=DEFAULT_OUTPUT, show_default=True,
                 help="Results file; started again with it, a run goes on where it stopped."),
]


@click.command(context_settings=SETTINGS, params=OPTIONS)
def run(**options) -> int:
    """Measure speed and memory of training: one process for each network and batch size.

    Every finished measurement is appended to the results file at once. Interrupted, or started again for any other
    reason, the same command goes on where it stopped. "mxbench report FILE" renders the tables.
    """
    from ..sweep.progress import say
    from ..sweep.session import measure

    session = measure(options)
    report = f"mxbench report {'--roofline ' * options['roofline']}{options['output']}"
    if session.leads:
        say(f"results: {options['output']}; \"{report}\" renders the tables")
    return session.exit_code


@click.command(name="run_all.py", context_settings=SETTINGS, params=OPTIONS)
def run_all(**options) -> int:
    """Measure speed and memory of training over the whole grid, 16 networks at batch sizes 10, 20, 30 and 40, and print
    the tables.

    Every finished measurement is appended to the results file at once. Interrupted, or started again for any other
    reason, the same command goes on where it stopped.
    """
    from ..report.document import build
    from ..sweep.progress import say
    from ..sweep.session import measure

    session = measure(options)
    if session.records:
        click.echo(build(session.records, spread=True, roofline=options["roofline"]), nl=False)
    if session.leads:
        say(f"results: {options['output']}")
    return session.exit_code
