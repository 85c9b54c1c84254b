"""A folder of images for each class becomes a .rec file; whatever is odd in it is said in plain words."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from mxbench import data
from mxbench.commands.data import data as command
from mxbench.data import recordfile, standard
from mxbench.errors import UserError
from mxbench.runtime import mx

RED, BLUE = (200, 30, 30), (30, 30, 200)


def save(path, colour=RED, size=(60, 40), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    """Two classes of two images each."""
    for colour, name in ((RED, "cat"), (BLUE, "ant")):
        save(tmp_path / "images" / name / "1.jpg", colour)
        save(tmp_path / "images" / name / "2.PNG", colour, (40, 60))
    return tmp_path / "images"


def pack(folder, output, **options):
    return data.pack_folder(folder, output, size=32, processes=1, progress=False, **options)


def unpacked(path):
    """Pairs of label and image in the order of the file."""
    records = mx.recordio.MXIndexedRecordIO(str(path.with_suffix(".idx")), str(path), "r")
    pairs = [mx.recordio.unpack(records.read_idx(key)) for key in records.keys]
    return [(header.label, Image.open(io.BytesIO(image))) for header, image in pairs]


def test_labels_are_the_places_of_the_sorted_class_names(folder, tmp_path):
    packed = pack(folder, tmp_path / "a.rec")
    assert (packed.num_images, packed.classes, packed.num_other_files, packed.corrupt) == (4, ["ant", "cat"], 0, [])
    assert (tmp_path / "a.classes.txt").read_text() == "ant\ncat\n"
    images = unpacked(tmp_path / "a.rec")
    assert sorted(label for label, _ in images) == [0, 0, 1, 1]
    for label, image in images:
        assert np.argmax(np.asarray(image).mean(axis=(0, 1))) == (2 if label == 0 else 0)


def test_the_shorter_edge_gets_the_size_and_images_are_jpegs(folder, tmp_path):
    pack(folder, tmp_path / "a.rec")
    images = [image for _, image in unpacked(tmp_path / "a.rec")]
    assert {image.format for image in images} == {"JPEG"}
    assert sorted(image.size for image in images) == [(32, 48)] * 2 + [(48, 32)] * 2


def test_the_file_can_be_trained_from(folder, tmp_path):
    pack(folder, tmp_path / "a.rec")
    spec = data.prepare(data_train=tmp_path / "a.rec", batch_size=4)
    batch = next(data.training_iterator(spec, 4, (3, 28, 28), 2, mx.cpu()))
    assert sorted(batch.label[0].asnumpy()) == [0, 0, 1, 1]


def test_the_order_mixes_the_classes_and_is_the_same_on_any_number_of_processes(tmp_path):
    for number in range(20):
        save(tmp_path / "images" / "ab"[number % 2] / f"{number}.png", (10 * number, 0, 0))
    data.pack_folder(tmp_path / "images", tmp_path / "1.rec", processes=1, progress=False)
    data.pack_folder(tmp_path / "images", tmp_path / "2.rec", processes=2, progress=False)
    assert (tmp_path / "1.rec").read_bytes() == (tmp_path / "2.rec").read_bytes()
    labels = recordfile.read_index(tmp_path / "1.rec").labels
    assert 4 < np.count_nonzero(np.diff(labels)) < 19


def test_images_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by a quarter, clockwise
    save(tmp_path / "images" / "a" / "1.jpg", size=(60, 40), exif=exif)
    pack(tmp_path / "images", tmp_path / "a.rec")
    assert unpacked(tmp_path / "a.rec")[0][1].size == (32, 48)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "LA"])
def test_any_kind_of_pixels_becomes_colour(tmp_path, mode):
    path = save(tmp_path / "images" / "a" / "1.tif")
    Image.new("RGB", (50, 50), RED).convert(mode).save(path.with_suffix(".tif" if mode == "CMYK" else ".png"))
    pack(tmp_path / "images", tmp_path / "a.rec")
    assert {image.mode for _, image in unpacked(tmp_path / "a.rec")} == {"RGB"}


def test_other_files_and_hidden_ones_are_left_out_and_corrupt_images_are_named(folder, tmp_path, capfd):
    (folder / "cat" / "notes.txt").write_text("no image")
    (folder / "cat" / ".DS_Store").write_text("no image")
    (folder / ".cache" / "x").mkdir(parents=True)
    (folder / "README").write_text("no image")
    jpeg = (folder / "cat" / "1.jpg").read_bytes()
    (folder / "cat" / "truncated.jpg").write_bytes(jpeg[:len(jpeg) // 2])
    (folder / "ant" / "text.png").write_text("no image")
    (folder / "ant" / "empty.jpg").write_bytes(b"")
    packed = data.pack_folder(folder, tmp_path / "a.rec", processes=1)
    assert (packed.num_images, packed.num_other_files) == (4, 1)
    assert {path.name for path in packed.corrupt} == {"truncated.jpg", "text.png", "empty.jpg"}
    said = capfd.readouterr().err
    assert all(f"cannot be decoded: {path}" in said for path in packed.corrupt)
    assert "4 images of 2 classes; left out: 3 corrupt images, 1 other files" in said


def fails(message, *arguments, **options):
    with pytest.raises(UserError, match=message) as failure:
        pack(*arguments, **options)
    assert "\n" not in str(failure.value)


def test_a_folder_that_is_missing_or_empty_or_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    fails("none is not a folder", tmp_path / "none", tmp_path / "a.rec")
    fails("file is not a folder", tmp_path / "file", tmp_path / "a.rec")
    fails("has no subfolders with images: give a folder with one subfolder", tmp_path / "empty", tmp_path / "a.rec")


def test_a_folder_one_level_too_deep_or_too_high(folder, tmp_path):
    fails(f"the images lie in it directly; .* or give {folder}$", folder / "cat", tmp_path / "a.rec")
    fails(f"they lie one level deeper; give {folder}$", tmp_path, tmp_path / "a.rec")


def test_only_corrupt_images(tmp_path):
    (tmp_path / "images" / "a").mkdir(parents=True)
    (tmp_path / "images" / "a" / "1.jpg").write_text("no image")
    fails("none of the 1 images in .* can be decoded", tmp_path / "images", tmp_path / "a.rec")
    assert os.listdir(tmp_path) == ["images"]


def test_an_output_that_exists_is_replaced_by_force_only(folder, tmp_path):
    (tmp_path / "a.rec").write_text("mine")
    fails("a.rec exists: .* --force", folder, tmp_path / "a.rec")
    assert (tmp_path / "a.rec").read_text() == "mine"
    pack(folder, tmp_path / "a.rec", force=True)
    assert recordfile.check(tmp_path / "a.rec") == 4


def test_an_output_that_cannot_be(folder, tmp_path):
    (tmp_path / "folder.rec").mkdir()
    fails("must end in .rec", folder, tmp_path / "a.idx")
    fails("folder.rec is a folder", folder, tmp_path / "folder.rec")
    fails("nowhere for the output does not exist", folder, tmp_path / "nowhere" / "a.rec")


def test_the_command_packs_and_says_what_it_did(folder, tmp_path):
    result = CliRunner().invoke(command, ["pack", str(folder), str(tmp_path / "a.rec"), "--size", "32"])
    assert result.exit_code == 0
    assert recordfile.check(tmp_path / "a.rec") == 4
    assert isinstance(CliRunner().invoke(command, ["pack", str(folder), str(tmp_path / "a.rec")]).exception, UserError)


def test_the_command_makes_the_standard_set_and_prints_its_path(tmp_path, monkeypatch):
    made = standard.make(tmp_path, num_images=20, progress=False)
    monkeypatch.setattr(standard.make, "__defaults__", (None, 20, True, None))
    result = CliRunner().invoke(command, ["make", "--cache", str(tmp_path)])
    assert (result.exit_code, result.output.strip()) == (0, str(made))
