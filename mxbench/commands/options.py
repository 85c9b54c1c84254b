"""Kinds of option values that several commands share."""

from __future__ import annotations

import math
import re
from typing import List

import click

_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_THOUSANDS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
# Only letters that cannot be mistaken: "mbps" is megabytes to tc and megabits to nearly everyone else.
_BANDWIDTH = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmMgGtT]?)(?:(?i:bit)(?:/s)?|((?<=[kKmMgGtT])i|)B/s)")


class Size(click.ParamType):
    """A number of bytes: ``8GiB``, ``512MiB``, ``2g``; units are powers of 1024."""

    name = "SIZE"

    def convert(self, value, param, context) -> int:
        """Bytes for what the user gave."""
        if isinstance(value, int):
            return value
        match = _SIZE.fullmatch(value.strip())
        size = int(float(match[1]) * _UNITS[match[2].lower()]) if match else 0
        if size <= 0:
            self.fail(f"{value!r} is no size: give a number with a unit, such as 8GiB or 512MiB", param, context)
        return size


class Bandwidth(click.ParamType):
    """Bytes per second: ``10Gbit``, ``100mbit`` (as for tc), ``125MB/s``; powers of 1000, with ``MiB/s`` of 1024."""

    name = "RATE"

    def convert(self, value, param, context) -> float:
        """Bytes per second for what the user gave."""
        if isinstance(value, (int, float)):
            return value
        match = _BANDWIDTH.fullmatch(value.strip())
        units = _UNITS if match and match[3] else _THOUSANDS
        rate = float(match[1]) * units[match[2].lower()] / (1 if "B/s" in match[0] else 8) if match else 0.0
        if not 0 < rate < math.inf:
            self.fail(f"{value!r} is no bandwidth: give bits such as 10Gbit or 100mbit, or bytes such as 125MB/s",
                      param, context)
        return rate


class BatchSize(click.ParamType):
    """A whole number of images, at least 1."""

    name = "N"

    def convert(self, value, param, context) -> int:
        """The number for what the user gave."""
        try:
            number = int(value)
        except ValueError:
            number = 0
        if number < 1:
            self.fail(f"{value!r} is no batch size: give whole numbers from 1 on, such as 10,20", param, context)
        return number


class CommaList(click.ParamType):
    """Values separated by commas, each of the type ``of``; empty ones are left out."""

    def __init__(self, of: click.ParamType = click.STRING):
        self._of = of
        self.name = f"{of.name.upper()},..."

    def convert(self, value, param, context) -> List:
        """The list for what the user gave."""
        if not isinstance(value, str):
            return list(value)
        found = [self._of.convert(part.strip(), param, context) for part in value.split(",") if part.strip()]
        if not found:
            self.fail("nothing given: name at least one value", param, context)
        return list(dict.fromkeys(found))


class ImageShape(click.ParamType):
    """Channels, height and width: ``3,224,224``."""

    name = "C,H,W"

    def convert(self, value, param, context) -> tuple:
        """The three numbers for what the user gave."""
        if isinstance(value, tuple):
            return value
        parts = value.split(",")
        if len(parts) != 3 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
            self.fail(f"{value!r} is no image shape: give channels, height, width, such as 3,224,224", param, context)
        return tuple(int(part) for part in parts)
