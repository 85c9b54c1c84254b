"""Trains one network with PyTorch, from one batch that stays in memory, in turns: LIBRARY MODEL BATCH_SIZE SIZE LAYOUT THREADS.

It does what a step of mxbench does: forward, backward, SGD with momentum and weight decay, and the loss read each time.
"""

from __future__ import annotations

import sys

import torch
from turns import Over, Turns


def build(library: str, name: str) -> torch.nn.Module:
    """A model of torchvision or timm with random parameters, without auxiliary classifiers."""
    if library == "timm":
        import timm

        return timm.create_model(name)
    from torchvision import models

    return models.get_model(name, **({"aux_logits": False, "init_weights": True} if name == "inception_v3" else {}))


def main(library: str, name: str, batch_size: int, size: int, layout: str, threads: int) -> None:
    """Train until nobody asks for a further window."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    memory_format = torch.channels_last if layout == "channels-last" else torch.contiguous_format
    model = build(library, name).train().to(memory_format=memory_format)
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
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], int(sys.argv[6]))
