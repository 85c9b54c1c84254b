"""A .rec file is checked before anything is measured: each thing wrong with it is one clear line."""

from __future__ import annotations

import io
import math
import os
import resource
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mxbench import data
from mxbench.data import recordfile
from mxbench.data.recordwriter import RecordWriter
from mxbench.errors import UserError
from mxbench.runtime import mx

MAGIC = struct.pack("<I", 0xCED7230A)


def image_of(colour, kind="JPEG"):
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(stream, kind)
    return stream.getvalue()


def write_records(path, contents):
    records = mx.recordio.MXRecordIO(str(path), "w")
    for content in contents:
        records.write(content)
    records.close()
    return path


def record(label, image):
    return mx.recordio.pack(mx.recordio.IRHeader(0, label, 0, 0), image)


@pytest.fixture(scope="module")
def rec(tmp_path_factory):
    """Twelve images, labelled 0 to 11, one of which holds the magic number and is therefore stored in parts."""
    images = [image_of((20 * number, 80, 200)) for number in range(12)]
    images[5] += MAGIC * 2 + b"end" + MAGIC
    path = tmp_path_factory.mktemp("rec") / "some images.rec"
    with RecordWriter(path) as records:
        for label, image in enumerate(images):
            records.write(label, image)
    return path


def test_the_index_tells_where_every_image_is_and_what_label_it_has(rec):
    index = recordfile.read_index(rec)
    assert index.labels.tolist() == list(range(12))
    assert index.offsets.tolist() == [int(line.split()[1]) for line in rec.with_suffix(".idx").read_text().splitlines()]
    assert index.end == rec.stat().st_size
    assert len(recordfile.read_index(rec, limit=5)) == 5


def test_a_label_may_be_stored_as_a_list_of_one(tmp_path):
    path = write_records(tmp_path / "a.rec", [record([3.0], image_of("red"))])
    assert recordfile.read_index(path).labels.tolist() == [3]
    assert recordfile.check(path) == 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP"])
def test_the_first_image_is_found_as_it_was_stored(tmp_path, kind):
    image = image_of("red", kind)
    path = write_records(tmp_path / "a.rec", [record(1, image), record(2, image_of("blue"))])
    assert recordfile.first_image(path) == image
    assert recordfile.check(path) == 2


def test_preparing_a_file_gives_its_absolute_path_and_number_of_images(rec, monkeypatch):
    monkeypatch.chdir(rec.parent)
    assert data.prepare(data_train=rec.name, batch_size=12) == data.DataSpec("recordio", str(rec), 12)
    assert data.prepare(data_train=rec, num_examples=7).num_examples == 7


def fails(message, **arguments):
    with pytest.raises(UserError, match=message) as failure:
        data.prepare(**arguments)
    assert "\n" not in str(failure.value)


def test_a_missing_file(tmp_path):
    fails("there is no file .*none.rec", data_train=tmp_path / "none.rec")


def test_a_folder(tmp_path):
    fails("is a folder, .* 'mxbench data pack", data_train=tmp_path)


def test_an_empty_file(tmp_path):
    (tmp_path / "a.rec").write_bytes(b"")
    fails("a.rec is empty", data_train=tmp_path / "a.rec")


@pytest.mark.parametrize("content", [b"P", b"\xff\xd8\xff\xe0 a JPEG", MAGIC[:2] + b"no", bytes(1000)])
def test_a_foreign_file(tmp_path, content):
    (tmp_path / "a.rec").write_bytes(content)
    fails("a.rec is not a RecordIO file", data_train=tmp_path / "a.rec")


def test_a_file_without_any_image(tmp_path):
    fails("record 1 in .* holds no image", data_train=write_records(tmp_path / "a.rec", [record(1, b"")]))
    fails("record 1 in .* holds no image", data_train=write_records(tmp_path / "b.rec", [b"text"]))
    fails("record 1 in .* holds no image", data_train=write_records(tmp_path / "c.rec", [record([1.0], b"")]))


def test_a_first_image_that_cannot_be_decoded(tmp_path):
    path = write_records(tmp_path / "a.rec", [record(1, image_of("red")[:300])])
    fails("first image in .* cannot be decoded", data_train=path)
    fails("first image in .* cannot be decoded", data_train=write_records(path, [record(1, image_of("red", "GIF"))]))


def test_several_labels_an_image(tmp_path):
    path = write_records(tmp_path / "a.rec", [record([1, 2, 3], image_of("red"))])
    fails("image 1 in .* has 3 labels", data_train=path)


def test_damage_in_the_middle(rec, tmp_path):
    content = bytearray(rec.read_bytes())
    offset = recordfile.read_index(rec).offsets[3]
    content[offset] ^= 1
    (tmp_path / "a.rec").write_bytes(content)
    fails(f"is damaged at byte {offset}, after 3 images", data_train=tmp_path / "a.rec")


def test_fewer_images_than_a_batch(rec):
    fails("12 images a pass, fewer than one batch of 13", data_train=rec, batch_size=13)
    fails("4 images a pass, fewer than one batch of 5", data_train=rec, num_examples=4, batch_size=5)


def test_more_examples_than_there_are(rec):
    fails("13 examples were asked for, but .* holds 12 images", data_train=rec, num_examples=13)


@pytest.mark.parametrize("number", [0, -3])
def test_no_examples(rec, number):
    fails("must be at least 1", data_train=rec, num_examples=number)


@pytest.mark.parametrize("character", ";#?")
def test_a_path_that_mxnet_cannot_open(rec, tmp_path, character):
    path = tmp_path / f"a{character}b.rec"
    path.write_bytes(rec.read_bytes())
    fails("MXNet cannot open .*: rename or move it", data_train=path)


def test_an_unknown_kind_and_a_file_for_synthetic_input(rec):
    fails("did you mean synthetic", kind="syntetic")
    fails("reads no file", kind="synthetic", data_train=rec)


@pytest.mark.parametrize("label", [10, -1, 2.5, math.nan])
def test_labels_that_the_network_has_no_class_for(tmp_path, label):
    path = write_records(tmp_path / "a.rec", [record(9, image_of("red")), record(label, image_of("red"))])
    with pytest.raises(UserError, match="image 2 in .* takes whole numbers from 0 to 9"):
        recordfile.check_labels(recordfile.read_index(path), num_classes=10)
    recordfile.check_labels(recordfile.read_index(path, limit=1), num_classes=10)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_cut_anywhere_a_file_is_truncated_or_at_the_edge_of_a_record_a_shorter_file(rec, tmp_path_factory, drawn):
    content = rec.read_bytes()
    edges = recordfile.read_index(rec).offsets.tolist()
    length = drawn.draw(st.one_of(st.integers(1, len(content) - 1), st.sampled_from(edges[1:]),
                                  st.sampled_from(edges[1:]).flatmap(lambda edge: st.integers(edge - 3, edge + 9))))
    path = tmp_path_factory.getbasetemp() / "cut.rec"
    path.write_bytes(content[:length])
    if length in edges:
        assert recordfile.read_index(path).labels.tolist() == list(range(edges.index(length)))
    else:
        with pytest.raises(UserError, match="is truncated"):
            recordfile.read_index(path)


def test_what_is_written_after_the_disk_is_full_is_an_error_and_nothing_is_left(tmp_path):
    code = ("import sys; from pathlib import Path; from mxbench.data.recordwriter import RecordWriter\n"
            "with RecordWriter(Path(sys.argv[1])) as records:\n"
            "    for _ in range(7): records.write(0, bytes(3000))\n")
    # 20000 bytes a file at most, and seven records of 3032: the last bytes fail only when the file is closed.
    process = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.rec")], text=True, stderr=subprocess.PIPE,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)))
    assert "UserError" in process.stderr and "a.rec cannot be written" in process.stderr
    assert os.listdir(tmp_path) == []


def test_an_interrupted_writer_keeps_the_file_that_was_there(rec, tmp_path):
    path = tmp_path / "a.rec"
    path.write_bytes(rec.read_bytes())
    with pytest.raises(KeyboardInterrupt), RecordWriter(path) as records:
        records.write(0, image_of("red"))
        raise KeyboardInterrupt
    assert path.read_bytes() == rec.read_bytes()
    assert os.listdir(tmp_path) == ["a.rec"]


def test_labels_survive_as_whole_numbers(tmp_path):
    with RecordWriter(tmp_path / "a.rec") as records:
        records.write(999, image_of("red"))
    label = recordfile.read_index(tmp_path / "a.rec").labels
    assert label.dtype == np.float32 and label.tolist() == [999]
