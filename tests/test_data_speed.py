"""How fast the input is on its own, and that it leaves the processors to training."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mxbench import data
from mxbench.data import rate
from mxbench.data.recordwriter import RecordWriter
from mxbench.results.record import Window
from mxbench.results.warnings import about_input
from mxbench.runtime import mx

SHAPE = (3, 28, 28)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A file of 40 noisy images."""
    path = tmp_path_factory.mktemp("images") / "images.rec"
    random = np.random.default_rng(0)
    with RecordWriter(path) as records:
        for label in range(40):
            stream = io.BytesIO()
            Image.fromarray(random.integers(0, 255, (64, 80, 3), np.uint8)).save(stream, "JPEG")
            records.write(label, stream.getvalue())
    return path


def call(tmp_path, *arguments):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # a lock of its own
    done = subprocess.run([sys.executable, "-m", "mxbench", "data", "speed", *map(str, arguments)], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_command_prints_the_rate_and_what_it_means_for_training(images, tmp_path):
    code, printed, said = call(tmp_path, "--data-train", images, "--batch-size", 8, "--image-shape", "3,28,28",
                               "--seconds", 0.5)
    assert code == 0 and said == ""
    assert "40 samples of images.rec; batches of 8, shape 3,28,28" in printed
    assert float(re.search(r"input alone: (\d+) images/sec", printed)[1]) > 0
    slowest, fastest = re.search(r"loses 5% to it at (\d+) .* at (\d+)", printed).groups()
    assert 0 < int(slowest) <= int(fastest)


@pytest.mark.parametrize("arguments, message", [
    (["--data-train", "none.rec"], "there is no file .*none.rec"),
    (["--data-train", "IMAGES", "--batch-size", 41], "40 images a pass, fewer than one batch of 41"),
    (["--image-shape", "224"], "such as 3,224,224"),
    (["--seconds", "0"], "seconds"),
])
def test_bad_input_is_one_clear_line(images, tmp_path, arguments, message):
    code, printed, said = call(tmp_path, *(images if argument == "IMAGES" else argument for argument in arguments))
    assert code == 2 and printed == ""
    assert re.search(message, said) and len(said.splitlines()) == 1


def test_a_rate_is_the_median_of_its_windows_and_an_image_costs_what_the_processors_spent_on_it():
    found = rate.Rate([Window(10, 0.02), Window(10, 0.01), Window(10, 0.04)], processors=1.0, threads=1)
    assert found.images_per_second == 500 and found.milliseconds == 2
    assert found.half_width is None and found.is_decoding
    assert not rate.Rate(found.windows, processors=0.5, threads=1).is_decoding


@given(images_per_second=st.floats(1, 1e5), processors=st.floats(0.1, 64), loss=st.floats(0.001, 0.5),
       cores=st.integers(1, 64))
def test_training_at_the_speed_that_is_named_loses_what_is_named(images_per_second, processors, loss, cores):
    found = rate.Rate([Window(1, 1 / images_per_second)], processors, threads=1)
    for speed, waiting in zip(found.fastest_training(loss, cores), (1, cores)):
        with_input = 1 / (1 / speed + found.milliseconds / 1000 / waiting)
        assert with_input == pytest.approx((1 - loss) * speed)


@pytest.mark.parametrize("asked", [1, 2, 64])
def test_the_number_of_decoding_threads_is_the_one_that_mxnet_names(images, asked, capfd):
    mx.io.ImageRecordIter(path_imgrec=str(images), data_shape=SHAPE, batch_size=4, preprocess_threads=asked)
    assert f"use {rate.decoding_threads(asked)} threads for decoding" in capfd.readouterr().err


def test_images_are_the_same_whether_decoded_in_the_background_or_not(images):
    spec = data.prepare(data_train=images)
    batches = [data.training_iterator(spec, 10, SHAPE, 40, mx.cpu(), seed=5, background=background, threads=1)
               for background in (True, False)]
    for _ in range(6):
        one, other = (next(each) for each in batches)
        assert np.array_equal(one.data[0].asnumpy(), other.data[0].asnumpy())
        assert np.array_equal(one.label[0].asnumpy(), other.label[0].asnumpy())


def test_an_iterator_knows_how_long_it_was_waited_for(images):
    batches = data.training_iterator(data.prepare(data_train=images), 10, SHAPE, 40, mx.cpu())
    assert batches.seconds_waited == 0
    waited = []
    for _ in range(40):  # more than its buffers hold, and faster than it decodes
        next(batches)
        waited.append(batches.seconds_waited)
    assert waited == sorted(waited) and waited[-1] > waited[0] > 0
    assert data.training_iterator(data.prepare("synthetic"), 10, SHAPE, 40, mx.cpu()).seconds_waited == 0


def test_training_that_waits_much_for_its_input_is_warned_of():
    assert about_input(0.4, 10) == about_input(0, 10) == []
    assert about_input(3, 10) == [{"warning": "input_bound", "detail": "30% of the time"}]


# Prints how many threads have the lowest priority when MXNet has computed; those that only started others are gone then.
PRIORITIES = """
import os, sys, time
from mxbench import data
from mxbench.runtime import mx
batches = data.training_iterator(data.prepare(data_train=sys.argv[1]), 4, (3, 28, 28), 40, mx.cpu(), threads=1,
                                 background=sys.argv[2] == "background")
next(batches)
ones = mx.nd.ones((512, 512))
mx.nd.dot(ones, ones).wait_to_read()
image, filters = mx.nd.ones((2, 3, 64, 64)), mx.nd.ones((8, 3, 3, 3))
mx.nd.Convolution(image, filters, no_bias=True, kernel=(3, 3), num_filter=8).wait_to_read()
time.sleep(0.5)
print(sum(os.getpriority(os.PRIO_PROCESS, int(thread)) == 19 for thread in os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux only")
@pytest.mark.parametrize("how, expected", [("background", 2), ("foreground", 0)])
def test_only_reader_and_decoder_have_the_lowest_priority_and_only_in_the_background(images, how, expected):
    done = subprocess.run([sys.executable, "-c", PRIORITIES, str(images), how], stdout=subprocess.PIPE,
                          universal_newlines=True, check=True)
    assert int(done.stdout) == expected
