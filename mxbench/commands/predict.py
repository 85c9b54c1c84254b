"""``mxbench predict``: what training will take, without a GPU and without MXNet."""

from __future__ import annotations

import click

from .options import BatchSize, CommaList, ImageShape, Size

_ALL_BATCH_SIZES = (10, 20, 30, 40)
_PUBLISHED_CLASSES = 10


@click.command()
@click.option("--network", help="A network by name.")
@click.option("--symbol", metavar="FILE.json", help="A network as symbol JSON, written by any MXNet.")
@click.option("--all", "all_networks", is_flag=True, help="The memory table of the 16 networks, as Markdown.")
@click.option("--batch-size", type=CommaList(BatchSize()),
              help="Images in a batch. [default: 32; with --all 10,20,30,40]")
@click.option("--image-shape", type=ImageShape(), help="[default: the network's own; 3,224,224 for --symbol]")
@click.option("--protocol", type=click.Choice(["imagenet", "published"]), default="imagenet", show_default=True,
              help="published: cut after the last Flatten, 10 classes, a KVStore object.")
@click.option("--device", type=click.Choice(["gpu", "cpu"]), default="gpu", show_default=True)
@click.option("--gpu-memory", type=Size(), help="Memory of the device, such as 8GiB: does it fit?")
@click.option("--mxnet", type=click.Choice(["1.9.1", "0.11", "0.10"]), default="1.9.1", show_default=True,
              help="0.11 and 0.10: on a GPU of 2017, as for the published table.")
@click.option("--optimizer", default="sgd", show_default=True)
@click.option("--mom", type=click.FloatRange(min=0), default=0.9, show_default=True,
              help="Momentum; 0 saves its state.")
@click.option("--kv-store", help="A name, or object for a KVStore object, which keeps a copy of the weights. "
                                 "[default: device; object under protocol published]")
@click.option("--dtype", default="float32", show_default=True, help="float32 or float16.")
@click.option("--context-mib", type=click.FloatRange(min=0), help="What the CUDA context takes, if known.")
@click.option("--workspace-mib", type=click.FloatRange(min=0), help="What cuDNN's workspace takes, if known.")
@click.option("--layers", is_flag=True, help="What is alive at the peak: largest tensors, sums by layer.")
@click.option("--plot", "plot_file", metavar="FILE", help="Draw live memory over the schedule (needs matplotlib).")
@click.option("--advise", is_flag=True, help="What would make it fit, with the figure for each.")
def predict(network, symbol, all_networks, batch_size, image_shape, protocol, device, gpu_memory, mxnet, optimizer, mom,
            kv_store, dtype, context_mib, workspace_mib, layers, plot_file, advise) -> int:
    """Predict how much memory training takes, of what, whether it fits, and the largest batch that does.

    Needs neither a GPU nor MXNet. On a GPU the CUDA context and cuDNN's workspace are unknown before running, so the
    total is an interval; --context-mib and --workspace-mib narrow it.

    \b
    mxbench predict --network resnet-50 --batch-size 32 --gpu-memory 8GiB
    mxbench predict --all --gpu-memory 12GiB
    """
    options = dict(device=device, mxnet=mxnet, optimizer=optimizer, momentum=mom, dtype=dtype, context_mib=context_mib,
                   kv_store=kv_store or ("object" if protocol == "published" else "device"),
                   workspace_mib=workspace_mib)
    memory_mib = None if gpu_memory is None else gpu_memory / 2**20
    _check_usage(network, symbol, all_networks, batch_size, advise, gpu_memory, layers or plot_file)
    if all_networks:
        click.echo(_table(batch_size or _ALL_BATCH_SIZES, image_shape, protocol, memory_mib, options))
        return 0
    for size in batch_size or (32,):
        _predict_one(network, symbol, size, image_shape, protocol, memory_mib, options, layers, plot_file, advise)
    return 0


def _check_usage(network, symbol, all_networks, batch_size, advise, gpu_memory, details) -> None:
    if sum(map(bool, (network, symbol, all_networks))) != 1:
        raise click.UsageError("give one of --network NAME, --symbol FILE.json and --all")
    if all_networks and (details or advise):
        raise click.UsageError("--layers, --plot and --advise are for one network: give --network NAME")
    if details and batch_size and len(batch_size) > 1:
        raise click.UsageError("--layers and --plot are for one batch size: give --batch-size N")
    if advise and gpu_memory is None:
        raise click.UsageError("--advise needs to know what must fit: give --gpu-memory, such as 8GiB")


def _predict_one(network, symbol, batch_size, image_shape, protocol, memory_mib, options, layers, plot_file,
                 advise) -> None:
    from ..predict import Predictor, advice, text
    from ..predict.breakdown import break_down

    name, graph, shape = _graph(network, symbol, image_shape, protocol)
    predictor = Predictor(graph, shape, **options)
    prediction = predictor.predict(batch_size)
    title = (f"{name}, batch size {batch_size}, {'x'.join(map(str, shape))}, {options['dtype']}, protocol {protocol}, "
             f"MXNet {options['mxnet']} on a {options['device'].upper()}")
    click.echo(f"{title}: predicted memory of training, MiB\n{text.parts_text(prediction)}")
    if memory_mib is not None:
        click.echo(f"in {memory_mib:,.0f} MiB: {prediction.verdict(memory_mib)}; largest batch size that fits: "
                   f"{predictor.largest_batch_size(memory_mib) or 'none'}")
    if layers or plot_file:
        breakdown = break_down(predictor.training, predictor.plan(batch_size))
        if layers:
            click.echo(f"\n{text.layers_text(breakdown)}")
        if plot_file:
            from ..report.plots import canvas, live

            canvas.save(lambda: live.draw(breakdown, title), plot_file)
    if advise:
        rows = advice.advise(graph, batch_size, shape, memory_mib, **options)
        click.echo("\nwhat would take less, MiB:" if rows else "\nnothing that predictions know would take less")
        for row in rows:
            found = row.prediction
            click.echo(f"  {row.change}: {text.interval_text((found.low_mib, found.high_mib))}, "
                       f"{found.verdict(memory_mib)}")


def _graph(network, symbol, image_shape, protocol):
    from .. import predict as room

    if symbol:
        name, graph, shape = symbol, room.load(symbol), image_shape or (3, 224, 224)
    else:
        from ..symbols import get_network
        from ..symbols.export import graph_of

        found = get_network(network)
        name, graph, shape = found.display_name, room.load(graph_of(found)), image_shape or found.image_shape
    return name, room.cut(graph, _PUBLISHED_CLASSES) if protocol == "published" else graph, shape


def _table(batch_sizes, image_shape, protocol, memory_mib, options) -> str:
    """The memory table in the form of the published one."""
    from ..predict import Predictor, text
    from ..symbols import get_network
    from ..symbols.registry import ZOO_NAMES

    heads = ["model", *(f"batch size {size}" for size in batch_sizes)]
    rows = []
    for name in ZOO_NAMES:
        display_name, graph, shape = _graph(name, None, image_shape, protocol)
        predictor = Predictor(graph, shape, **options)
        cells = [text.cell_text(predictor.predict(size), memory_mib) for size in batch_sizes]
        top5 = get_network(name).top5
        rows.append([display_name, *cells, "unknown" if top5 is None else f"{top5:.1f}%"])
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    accuracy = "Reference accuracy<br>(imagenet1k Top-5)"
    heads.append(accuracy)
    widths.append(len(accuracy))
    lines = [heads, [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])], *rows]
    grid = "\n".join("|" + "|".join(cell.ljust(width) for cell, width in zip(line, widths)) + "|" for line in lines)
    limit = "" if memory_mib is None else f" ({memory_mib / 1024:.4g}GiB Memory)"
    return "\n".join([
        "## Memory usage (MiB), predicted", "",
        "- predicted from the networks' graphs, not measured; context and cuDNN workspace as intervals where unknown",
        f"- batch size: {', '.join(map(str, batch_sizes))}",
        f"- Optimizer: {options['optimizer'].upper()}",
        f"- {options['device'].upper()}{limit}, MXNet {options['mxnet']}, protocol {protocol}, {options['dtype']}, "
        f"kvstore {options['kv_store']}", "", grid])
