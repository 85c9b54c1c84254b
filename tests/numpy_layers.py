"""The forward pass of the layers of CaffeNet, NIN and Inception-BN, in NumPy alone: an oracle that shares no code with MXNet."""

import numpy as np


def _pair(attributes, name, default):
    text = attributes.get(name, "")
    return tuple(int(part) for part in text.strip("()[] ").split(",") if part.strip()) or default


def _windows(data, kernel, stride):
    """All windows of the last two axes: (..., rows, columns, kernel height, kernel width)."""
    found = np.lib.stride_tricks.sliding_window_view(data, kernel, axis=(-2, -1))
    return found[..., ::stride[0], ::stride[1], :, :]


def convolution(attributes, data, weight, bias):
    """Cross-correlation by groups of channels."""
    (up, left), stride = _pair(attributes, "pad", (0, 0)), _pair(attributes, "stride", (1, 1))
    groups = int(attributes.get("num_group", 1))
    padded = np.pad(data, ((0, 0), (0, 0), (up, up), (left, left)))
    parts = [np.einsum("ncyxhw,fchw->nfyx", _windows(part, weight.shape[2:], stride), filters, optimize=True)
             for part, filters in zip(np.split(padded, groups, axis=1), np.split(weight, groups))]
    return np.concatenate(parts, axis=1) + bias[:, None, None]


def pooling(attributes, data):
    """Maximum, or average that counts the padding; "full" adds what the last window lacks, which no average counts."""
    kernel, stride = _pair(attributes, "kernel", ()), _pair(attributes, "stride", (1, 1))
    pad, full = _pair(attributes, "pad", (0, 0)), attributes.get("pooling_convention") == "full"
    highest = attributes.get("pool_type", "max") == "max"
    more = [(-(extent + 2 * edge - size) % step) if full else 0
            for extent, edge, size, step in zip(data.shape[2:], pad, kernel, stride)]
    fill = -np.inf if highest else 0.0
    padded = np.pad(data, ((0, 0), (0, 0), *((edge, edge + extra) for edge, extra in zip(pad, more))),
                    constant_values=fill)
    windows = _windows(padded, kernel, stride)
    if highest:
        return windows.max(axis=(-2, -1))
    counted = np.pad(np.ones([extent + 2 * edge for extent, edge in zip(data.shape[2:], pad)]),
                     [(0, extra) for extra in more])
    return windows.sum(axis=(-2, -1)) / _windows(counted, kernel, stride).sum(axis=(-2, -1))


def local_response_normalisation(attributes, data):
    """Across channels: each value over (k + alpha / n * sum of squares of n neighbours) ** beta."""
    size, alpha = int(attributes["nsize"]), float(attributes.get("alpha", 1e-4))
    beta, k = float(attributes.get("beta", 0.75)), float(attributes.get("knorm", 2))
    squares = np.pad(data ** 2, ((0, 0), (size // 2, size // 2), (0, 0), (0, 0)))
    sums = sum(squares[:, shift:shift + data.shape[1]] for shift in range(size))
    return data / (k + alpha / size * sums) ** beta


def batch_normalisation(attributes, data, gamma, beta, mean, variance):
    """With the moving statistics, as after training."""
    def wide(vector):
        return vector[:, None, None]

    gamma = np.ones_like(gamma) if attributes.get("fix_gamma", "True") == "True" else gamma
    return wide(gamma) * (data - wide(mean)) / np.sqrt(wide(variance) + float(attributes.get("eps", 1e-3))) + wide(beta)


def softmax(attributes, data, label):
    """Probabilities; the label plays no part in the forward pass."""
    raised = np.exp(data - data.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


LAYERS = {
    "Activation": lambda attributes, data: np.maximum(data, 0),
    "BatchNorm": batch_normalisation,
    "Concat": lambda attributes, *parts: np.concatenate(parts, axis=1),
    "Convolution": convolution,
    "Dropout": lambda attributes, data: data,
    "Flatten": lambda attributes, data: data.reshape(len(data), -1),
    "FullyConnected": lambda attributes, data, weight, bias: data.reshape(len(data), -1) @ weight.T + bias,
    "LRN": local_response_normalisation,
    "Pooling": pooling,
    "SoftmaxOutput": softmax,
}
