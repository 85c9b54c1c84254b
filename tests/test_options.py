"""Values of options are read as they are written, and what could be mistaken is refused."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxbench.commands.options import Bandwidth


def bandwidth(text):
    return Bandwidth().convert(text, None, None)


@pytest.mark.parametrize("text, rate", [
    ("10Gbit", 1.25e9), ("1gbit", 125e6), ("100mbit", 12.5e6), ("1 Gbit/s", 125e6), ("125MB/s", 125e6),
    ("1.5GB/s", 1.5e9), ("1MiB/s", 2**20), ("800bit", 100), ("7B/s", 7), ("10GBIT", 1.25e9),
])
def test_bandwidths_are_bytes_per_second(text, rate):
    assert bandwidth(text) == rate


@pytest.mark.parametrize("text", ["", "10", "10G", "1Gbps", "100mbps", "125mb/s", "-1Gbit", "0Gbit", "5iB/s", "1Gbit 2",
                                  "infMB/s", "nan", "9" * 400 + "Gbit"])
def test_what_is_no_bandwidth_or_could_be_two_is_refused_with_examples(text):
    with pytest.raises(click.BadParameter, match="such as 10Gbit"):
        bandwidth(text)


@given(st.floats(0.001, 1e6), st.sampled_from("kMGT"))
def test_a_byte_is_eight_bits(number, unit):
    text = f"{number:.6f}"
    assert bandwidth(f"{text}{unit}B/s") == pytest.approx(8 * bandwidth(f"{text}{unit}bit"))
