"""Synthetic photographs: images that cost a JPEG decoder what photographs cost it, and that a network can learn from.

Each image is a "dead leaves" picture: opaque shapes of every size fall on top of each other, as things hide each other
in a scene. Their sizes follow the power law that makes such pictures scale invariant (Lee, Mumford and Huang, Occlusion
models for natural images, 2001), and every shape carries some texture with the 1/f amplitude spectrum of natural
images (Field, Relations between the statistics of natural images and the response properties of cortical cells, 1987).
Colour varies less than luminance, as in photographs. The class sets the dominant hue and the kind of shape.
"""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageDraw

NUM_CLASSES = 10
SIZE = 256
QUALITY = 95

_LEAVES = 600
_SMALLEST_RADIUS = (1.5, 5.0)  # in pixels; drawn for each image, so that some are busy and some are plain
_LARGEST_RADIUS = 110.0
_CORNERS = 14  # of the polygon that stands for an ellipse
_CHROMA = 20.0  # standard deviation of a leaf's colourfulness, in 8-bit levels; luminance has about twice that
_FIELD_SIZE = 2 * SIZE
_FIELDS = 8


def label_of(seed: int, index: int) -> int:
    """The class of image ``index``, between 0 and NUM_CLASSES - 1: every ten consecutive images hold each class once,
    in an order drawn from ``seed``."""
    block, place = divmod(index, NUM_CLASSES)
    return int(np.random.default_rng([seed, block, NUM_CLASSES]).permutation(NUM_CLASSES)[place])


def photograph(seed: int, index: int) -> bytes:
    """JPEG of image ``index`` of the set ``seed``: SIZE x SIZE pixels, quality QUALITY, always the same bytes."""
    random = np.random.default_rng([seed, index])
    scene = _leaves(random, label_of(seed, index))
    planes = [Image.fromarray(plane) for plane in _with_texture(random, scene, seed)]
    stream = io.BytesIO()
    Image.merge("YCbCr", planes).save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


def _leaves(random: np.random.Generator, label: int) -> np.ndarray:
    """Luminance, two chroma planes and the strength of the texture: (SIZE, SIZE, 4), uint8."""
    # Four plain 8-bit planes, which is what Pillow calls CMYK; drawn at twice the size, so that edges come out smooth.
    canvas = Image.new("CMYK", (2 * SIZE, 2 * SIZE))
    draw = ImageDraw.Draw(canvas)
    colours = _colours(random, label, _LEAVES + 1)
    background, colours = colours[0], colours[1:]
    draw.rectangle((0, 0, 2 * SIZE, 2 * SIZE), fill=tuple(background))
    for outline, colour in zip(_outlines(random, label, _LEAVES), colours):
        draw.polygon(outline, fill=tuple(colour))
    return np.asarray(canvas.reduce(2))


def _colours(random: np.random.Generator, label: int, count: int) -> list:
    """Luminance, blue and red chroma, and strength of the texture of each leaf, as 8-bit levels."""
    mean, contrast = random.uniform(90, 145), random.uniform(30, 60)
    luminance = random.normal(mean, contrast, count)
    hue = 2 * np.pi * label / NUM_CLASSES + random.normal(0, 0.2, count)
    stray = random.random(count) < 0.3
    stray[0] = False  # the background, which shows most, has the hue of the class
    hue[stray] = random.uniform(0, 2 * np.pi, np.count_nonzero(stray))
    chroma = np.abs(random.normal(0, _CHROMA, count))
    texture = random.gamma(2.0, np.exp(random.uniform(np.log(6), np.log(80))), count)
    planes = (luminance, 128 + chroma * np.cos(hue), 128 + chroma * np.sin(hue), texture)
    return np.clip(np.stack(planes, axis=1), 0, 255).astype(np.uint8).tolist()


def _outlines(random: np.random.Generator, label: int, count: int) -> list:
    """Polygons on the canvas, as lists of x and y in turn: ellipses for even labels, quadrangles for odd ones."""
    corners = 4 if label % 2 else _CORNERS
    # Inverse of the cumulative distribution of the density radius^-3.
    small, large = random.uniform(*_SMALLEST_RADIUS) ** -2, _LARGEST_RADIUS**-2
    radius = (small - random.random((count, 1)) * (small - large)) ** -0.5
    along = np.linspace(0, 2 * np.pi, corners, endpoint=False) + np.pi / corners
    flatness = random.uniform(0.35, 1.0, (count, 1))
    x, y = radius * np.cos(along), radius * flatness * np.sin(along)
    turn = random.uniform(0, np.pi, (count, 1))
    centre = random.uniform(0, SIZE, (2, count, 1))
    points = np.stack((x * np.cos(turn) - y * np.sin(turn) + centre[0],
                       x * np.sin(turn) + y * np.cos(turn) + centre[1]), axis=2)
    return (2 * points).reshape(count, -1).tolist()


def _with_texture(random: np.random.Generator, scene: np.ndarray, seed: int) -> np.ndarray:
    """The finished planes, luminance and blue and red chroma: (3, SIZE, SIZE), uint8."""
    planes = scene.transpose(2, 0, 1).astype(np.float32)
    strength = planes[3] * np.float32(0.3)
    light = _field(random, seed) * np.float32(random.uniform(4, 16))
    grain = random.standard_normal((SIZE, SIZE), dtype=np.float32) * np.float32(random.uniform(0.3, 3.5))
    planes[0] += _field(random, seed) * strength + light + grain
    for plane in planes[1:3]:
        plane += _field(random, seed) * (strength * np.float32(0.15))
    return np.clip(np.rint(planes[:3]), 0, 255).astype(np.uint8)


def _field(random: np.random.Generator, seed: int) -> np.ndarray:
    """A patch of 1/f noise, mean about 0 and standard deviation about 1: (SIZE, SIZE), float32."""
    which = random.integers(_FIELDS)
    row, column = random.integers(_FIELD_SIZE - SIZE, size=2)
    patch = _noise_bank(seed)[which, row:row + SIZE, column:column + SIZE]
    patch = patch[::random.choice((-1, 1)), ::random.choice((-1, 1))]
    return patch.T if random.random() < 0.5 else patch


@functools.lru_cache(maxsize=1)
def _noise_bank(seed: int) -> np.ndarray:
    """Large fields of 1/f noise, from which the patches are cut: (_FIELDS, _FIELD_SIZE, _FIELD_SIZE), float32."""
    random = np.random.default_rng(seed)
    rows, columns = np.fft.fftfreq(_FIELD_SIZE)[:, None], np.fft.rfftfreq(_FIELD_SIZE)[None, :]
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = np.inf
    white = np.fft.rfft2(random.standard_normal((_FIELDS, _FIELD_SIZE, _FIELD_SIZE)))
    fields = np.fft.irfft2(white / frequency)
    return (fields / fields.std(axis=(1, 2), keepdims=True)).astype(np.float32)
