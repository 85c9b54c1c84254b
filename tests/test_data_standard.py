"""The standard set: what its images are like, and how it gets into the cache."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mxbench.data import photographs, recordfile, standard
from mxbench.errors import UserError

SEED = 1


@pytest.fixture(scope="module")
def sample():
    return [photographs.photograph(SEED, index) for index in range(60)]


def luminance(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"), np.float64)


def spectral_slope(image):
    """Exponent of the radially averaged amplitude spectrum between 4 and 100 cycles per image."""
    size = len(image)
    window = np.hanning(size)[:, None] * np.hanning(size)
    amplitude = np.abs(np.fft.fft2((image - image.mean()) * window))
    cycles = np.fft.fftfreq(size, 1 / size)
    radius = np.hypot(cycles[:, None], cycles).round().astype(int).ravel()
    average = np.bincount(radius, amplitude.ravel()) / np.bincount(radius)
    band = np.arange(4, 100)
    return np.polyfit(np.log(band), np.log(average[band]), 1)[0]


def test_images_are_256_pixel_colour_jpegs_of_quality_95(sample):
    image = Image.open(io.BytesIO(sample[0]))
    reference = io.BytesIO()
    Image.new("RGB", (8, 8)).save(reference, "JPEG", quality=95)
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (256, 256))
    assert image.quantization == Image.open(reference).quantization


def test_amplitude_spectra_fall_with_frequency_as_in_photographs(sample):
    slopes = [spectral_slope(luminance(jpeg)) for jpeg in sample]
    assert -1.4 < np.mean(slopes) < -0.9
    assert -1.7 < min(slopes) and max(slopes) < -0.7


def test_file_sizes_are_those_of_photographs_and_vary(sample):
    sizes = np.array([len(jpeg) for jpeg in sample]) / 1000
    assert 30 < np.median(sizes) < 60
    assert sizes.max() > 1.3 * sizes.min()


def test_contrast_is_strong_and_colour_weaker_than_luminance(sample):
    planes = np.stack([np.asarray(Image.open(io.BytesIO(jpeg)).convert("YCbCr"), np.float64) for jpeg in sample])
    luminance_deviation, *chroma_deviations = planes.std(axis=(1, 2)).mean(axis=0)
    assert 25 < luminance_deviation < 75
    assert all(3 < deviation < 0.6 * luminance_deviation for deviation in chroma_deviations)


def test_the_same_index_gives_the_same_bytes_and_another_seed_others():
    assert photographs.photograph(SEED, 7) == photographs.photograph(SEED, 7)
    assert photographs.photograph(SEED, 7) != photographs.photograph(SEED + 1, 7)


def test_classes_are_balanced_and_mixed():
    labels = [photographs.label_of(SEED, index) for index in range(1000)]
    assert np.bincount(labels).tolist() == [100] * photographs.NUM_CLASSES
    assert labels[:10] != labels[10:20]


def test_one_worker_and_two_make_the_same_file(tmp_path):
    one = standard.make(tmp_path / "one", num_images=64, progress=False, processes=1)
    two = standard.make(tmp_path / "two", num_images=64, progress=False, processes=2)
    assert one.read_bytes() == two.read_bytes()
    assert one.with_suffix(".idx").read_text() == two.with_suffix(".idx").read_text()
    index = recordfile.read_index(one)
    assert index.labels.tolist() == [photographs.label_of(standard._SEED, number) for number in range(64)]
    assert index.offsets.tolist() == [int(line.split()[1]) for line in one.with_suffix(".idx").read_text().splitlines()]


def test_a_set_in_the_cache_is_used_and_a_damaged_one_made_again(tmp_path):
    path = standard.make(tmp_path, num_images=20, progress=False)
    made = path.stat().st_mtime_ns, path.read_bytes()
    assert standard.make(tmp_path, num_images=20, progress=False).stat().st_mtime_ns == made[0]
    path.write_bytes(made[1][:-100])
    assert standard.make(tmp_path, num_images=20, progress=False).read_bytes() == made[1]


def test_the_cache_folder_is_the_argument_or_the_variable_or_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("MXBENCH_CACHE", str(tmp_path / "variable"))
    assert standard.cache_folder(tmp_path / "argument") == tmp_path / "argument"
    assert standard.cache_folder() == tmp_path / "variable"
    monkeypatch.delenv("MXBENCH_CACHE")
    assert standard.cache_folder().name == "mxbench"


def test_progress_is_two_plain_lines_when_not_on_a_terminal(tmp_path, capfd):
    standard.make(tmp_path, num_images=20)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert re.fullmatch(r"Making .*: 20 images \.\.\.", lines[0])
    assert re.fullmatch(r"Making .*: done in \d+ s", lines[1])


def test_a_cache_that_cannot_be_written_to_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cache folder .* cannot be written to .*: name another .* MXBENCH_CACHE"):
        standard.make(tmp_path / "file" / "cache")


def test_a_full_disk_is_noticed_before_any_work(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2**40, 2**40, 2**20))
    with pytest.raises(UserError, match="need 500 MiB .* where 1 MiB are free"):
        standard.make(tmp_path)
    assert list(tmp_path.iterdir()) == []


MAKER = "import sys; from mxbench.data import standard; print(standard.make(sys.argv[1], num_images=200, processes=2))"


def start_maker(cache):
    """A process, and leader of a process group, that makes a set of 200 images."""
    return subprocess.Popen([sys.executable, "-c", MAKER, str(cache)], start_new_session=True, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def has_written_some(cache):
    return any(part.stat().st_size for part in Path(cache).glob(".*.rec.*.part"))


def is_gone(group):
    """Whether no process of the group runs; those that have ended and wait for their parent do not count."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # it has ended just now
        if int(its_group) == group and state != "Z":
            return False
    return True


def test_a_killed_maker_leaves_no_set_and_no_workers_and_the_next_call_succeeds(tmp_path):
    maker = start_maker(tmp_path)
    wait_until(lambda: has_written_some(tmp_path))
    maker.kill()
    maker.communicate()
    assert not list(tmp_path.glob("*.rec"))
    wait_until(lambda: is_gone(maker.pid))
    path = standard.make(tmp_path, num_images=200, progress=False)
    assert len(recordfile.read_index(path)) == 200
    assert not list(tmp_path.glob(".*.part"))


def test_ctrl_c_leaves_nothing_half_written_and_no_workers(tmp_path):
    maker = start_maker(tmp_path)
    wait_until(lambda: has_written_some(tmp_path))
    os.killpg(maker.pid, signal.SIGINT)
    _, errors = maker.communicate(timeout=30)
    assert maker.returncode == -signal.SIGINT
    assert errors.count("Traceback") == 1  # the parent's: workers do not see the interrupt
    wait_until(lambda: is_gone(maker.pid))
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_two_makers_at_once_make_one_set(tmp_path):
    makers = [start_maker(tmp_path) for _ in range(2)]
    outputs = [maker.communicate(timeout=60) for maker in makers]
    assert [maker.returncode for maker in makers] == [0, 0]
    assert outputs[0][0] == outputs[1][0]
    assert sum("200 images" in errors for _, errors in outputs) == 1
    assert len(recordfile.read_index(outputs[0][0].strip())) == 200


@pytest.mark.parametrize("from_file", [True, False], ids=["file", "standard input"])
def test_a_plain_script_can_make_the_set(tmp_path, from_file):
    script = f"from mxbench.data import standard\nprint(standard.make({str(tmp_path)!r}, num_images=20))\n"
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, str(tmp_path / "script.py") if from_file else "-"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.run(command, input=script, text=True, stdout=subprocess.PIPE, env=environment, timeout=60)
    assert len(recordfile.read_index(process.stdout.strip())) == 20


def test_workers_do_not_import_mxnet():
    code = "import sys, mxbench.data, mxbench.commands.data; sys.exit('mxnet' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
