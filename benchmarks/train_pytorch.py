"""Trains one network with PyTorch, from one batch that stays in memory, in turns.

    train_pytorch.py LIBRARY MODEL STEM BATCH_SIZE SIZE LAYOUT THREADS

It does what a step of mxbench does: forward, backward, SGD with momentum and weight decay, and the loss read each time.
"""

from __future__ import annotations

import sys

import torch
from turns import Over, Turns


def build(library: str, name: str, stem: str) -> torch.nn.Module:
    """A model of torchvision or timm with random parameters, without auxiliary classifiers.

    The zoo's residual networks normalise the image, which ``stem`` ``input`` adds here; ``input-and-convolution`` also
    adds BatchNorm and ReLU behind the first convolution, which timm's pre-activated ResNets leave out.
    """
    if library == "timm":
        import timm

        model = timm.create_model(name)
    else:
        from torchvision import models

        options = {"aux_logits": False, "init_weights": True} if name == "inception_v3" else {}
        model = models.get_model(name, **options)
    if stem == "input-and-convolution":
        convolution = model.stem.conv
        model.stem.conv = torch.nn.Sequential(
            convolution, torch.nn.BatchNorm2d(convolution.out_channels), torch.nn.ReLU(inplace=True))
    return model if stem == "as-is" else torch.nn.Sequential(torch.nn.BatchNorm2d(3), model)


def main(library: str, name: str, stem: str, batch_size: int, size: int, layout: str, threads: int) -> None:
    """Train until nobody asks for a further window."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    memory_format = torch.channels_last if layout == "channels-last" else torch.contiguous_format
    model = build(library, name, stem).train().to(memory_format=memory_format)
    images = torch.randn(batch_size, 3, size, size).to(memory_format=memory_format)
    labels = torch.randint(0, 1000, (batch_size,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=0.0001)
    turns = Turns(batch_size)
    try:
        while True:
            optimizer.zero_grad(set_to_none=True)
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            loss.item()
            turns()
    except Over:
        pass


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6], int(sys.argv[7]))
