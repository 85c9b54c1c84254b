"""Training input as MXNet reads it: what batches hold, and that they never end."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from mxbench import data
from mxbench.data import iterators, photographs
from mxbench.data.recordwriter import RecordWriter
from mxbench.errors import UserError
from mxbench.runtime import mx

MEAN = np.array([123.68, 116.779, 103.939])
STD = np.array([58.393, 57.12, 57.375])
CLASSES = 10


def encoded(pixels):
    stream = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def records_of(path, images):
    with RecordWriter(path) as records:
        for label, image in images:
            records.write(label, image)
    return data.prepare(data_train=path)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """120 images of the standard set."""
    images = [(photographs.label_of(1, index), photographs.photograph(1, index)) for index in range(120)]
    return records_of(tmp_path_factory.mktemp("photos") / "photos.rec", images)


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """20 small images, each with a label of its own."""
    image = encoded(np.full((40, 50, 3), 100))
    return records_of(tmp_path_factory.mktemp("numbered") / "numbered.rec", [(label, image) for label in range(20)])


def iterator(spec, batch_size=4, image_shape=(3, 28, 28), num_classes=20, **options):
    return data.training_iterator(spec, batch_size, image_shape, num_classes, mx.cpu(), **options)


def take(batches, count):
    """Data and labels of the next batches, as two arrays."""
    taken = [(batch.data[0].asnumpy(), batch.label[0].asnumpy()) for batch in itertools.islice(batches, count)]
    return tuple(np.concatenate(arrays) for arrays in zip(*taken))


@pytest.mark.parametrize("of", [2, 4])
def test_each_of_several_workers_reads_its_own_part_and_together_they_read_every_image_once(numbered, of):
    each = 20 // of
    parts = [take(iterator(numbered, each, part=(number, of)), 2)[1].astype(int) for number in range(of)]
    for number, labels in enumerate(parts):
        expected = range(number * each, (number + 1) * each)
        assert sorted(labels[:each]) == sorted(labels[each:]) == list(expected)


@pytest.mark.parametrize("image_shape", [(3, 224, 224), (3, 299, 299), (3, 32, 64)])
def test_batches_have_the_input_size_of_the_network_whatever_the_size_of_the_images(photos, image_shape):
    batches = iterator(photos, batch_size=3, image_shape=image_shape, num_classes=CLASSES, label_name="target")
    assert batches.provide_data[0][:2] == ("data", (3, *image_shape))
    assert batches.provide_label[0][:2] == ("target", (3,))
    assert batches.batch_size == 3
    batch = next(batches)
    assert batch.data[0].shape == (3, *image_shape) and batch.data[0].dtype == np.float32
    assert set(batch.label[0].asnumpy()) <= set(range(CLASSES))


def test_pixels_are_red_green_blue_less_the_mean_over_the_standard_deviation_of_imagenet(tmp_path):
    spec = records_of(tmp_path / "a.rec", [(0, encoded(np.full((64, 64, 3), (250, 120, 10))))] * 4)
    images, _ = take(iterator(spec), 1)
    assert np.allclose(images.mean(axis=(0, 2, 3)), (np.array([250, 120, 10]) - MEAN) / STD, atol=1e-3)
    assert np.allclose(images.std(axis=(2, 3)), 0, atol=1e-5)


def test_images_are_cropped_at_random_and_mirrored_half_of_the_time(tmp_path):
    # Brightness rises from left to right: its sign tells whether the image is mirrored, its mean where it was cropped.
    ramp = np.broadcast_to(np.linspace(0, 255, 128).astype(np.uint8)[None, :, None], (32, 128, 3))
    images, _ = take(iterator(records_of(tmp_path / "a.rec", [(0, encoded(ramp))] * 40)), 50)
    rises = images[:, 0, :, -1].mean(axis=1) > images[:, 0, :, 0].mean(axis=1)
    assert 0.3 < rises.mean() < 0.7
    assert np.unique(images.mean(axis=(1, 2, 3)).round(3)).size > 20
    # A crop spans 28 of the 128 columns that a shorter edge of 32 leaves: more of the ramp means other scaling.
    span = np.abs(images[:, 0, :, -1] - images[:, 0, :, 0]).mean() * STD[0]
    assert span == pytest.approx(27 / 127 * 255, rel=0.05)


def test_the_shorter_edge_is_eight_sevenths_of_the_crop(tmp_path):
    ramp = np.broadcast_to(np.linspace(0, 255, 256).astype(np.uint8)[None, :, None], (256, 256, 3))
    images, _ = take(iterator(records_of(tmp_path / "a.rec", [(0, encoded(ramp))] * 4), image_shape=(3, 112, 112)), 1)
    span = np.abs(images[:, 0, :, -1] - images[:, 0, :, 0]).mean() * STD[0]
    assert span == pytest.approx(111 / 128 * 255, rel=0.02)


def test_every_image_comes_once_a_pass_in_a_new_order_and_passes_follow_without_end(numbered):
    batches = iterator(numbered)
    passes = [take(batches, 5)[1].tolist() for _ in range(4)]
    assert all(sorted(labels) == list(range(20)) for labels in passes)
    assert len({tuple(labels) for labels in passes}) == 4


def test_a_pass_that_is_no_multiple_of_the_batch_runs_on_into_the_next(numbered):
    batches = iterator(numbered, batch_size=8)
    taken = list(itertools.islice(batches, 25))
    assert all(batch.label[0].shape == (8,) and batch.pad == 0 for batch in taken)


def test_a_reset_between_epochs_does_not_end_or_restart_the_input(numbered):
    batches = iterator(numbered)
    first = take(batches, 2)[1]
    batches.reset()
    assert sorted(np.concatenate((first, take(batches, 3)[1]))) == list(range(20))


def test_the_number_of_examples_limits_a_pass_to_the_first_images(numbered):
    spec = data.prepare(data_train=numbered.path, num_examples=8)
    batches = iterator(spec)
    for _ in range(3):
        assert sorted(take(batches, 2)[1]) == list(range(8))


def test_the_seed_decides_order_and_crops(photos):
    def batch(seed):
        return take(iterator(photos, num_classes=CLASSES, seed=seed, threads=1), 2)

    (images, labels), (same_images, same_labels), (_, other_labels) = batch(3), batch(3), batch(4)
    assert np.array_equal(images, same_images) and np.array_equal(labels, same_labels)
    assert not np.array_equal(labels, other_labels)


def test_recordio_batches_have_the_dtype_asked_for(numbered):
    batches = iterator(numbered, dtype="float16")
    batch = next(batches)
    assert batch.data[0].dtype == batches.provide_data[0].dtype == np.float16
    assert batch.label[0].dtype == np.float32


def test_a_label_beyond_the_classes_of_the_network_is_one_clear_line(numbered):
    with pytest.raises(UserError, match="image 20 in .* has the label 19, but a network with 19 classes"):
        iterator(numbered, num_classes=19)


def test_labels_beyond_the_examples_that_are_used_do_not_matter(numbered):
    spec = data.prepare(data_train=numbered.path, num_examples=8)
    assert next(iterator(spec, num_classes=8)).label[0].shape == (4,)


def test_a_batch_larger_than_a_pass_is_one_clear_line(numbered):
    with pytest.raises(UserError, match="20 images a pass, fewer than one batch of 21"):
        iterator(numbered, batch_size=21)


def test_no_index_file_is_left_behind_and_a_wrong_one_beside_the_images_is_not_read(numbered, tmp_path, monkeypatch):
    monkeypatch.setattr(iterators.tempfile, "tempdir", str(tmp_path))
    with open(numbered.path, "rb") as file:
        (tmp_path / "a.rec").write_bytes(file.read())
    (tmp_path / "a.idx").write_text("0\t12\n1\t77\n")
    batches = iterator(data.prepare(data_train=tmp_path / "a.rec"))
    assert sorted(take(batches, 5)[1]) == list(range(20))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.idx", "a.rec"]


def test_synthetic_input_is_one_batch_on_the_device_again_and_again():
    batches = iterator(data.prepare("synthetic"), batch_size=64, num_classes=7, label_name="target", dtype="float16")
    first, second = next(batches), next(batches)
    batches.reset()
    assert first is second is next(batches)
    assert first.data[0].context == first.label[0].context == mx.cpu()
    assert batches.provide_data[0][:2] == ("data", (64, 3, 28, 28))
    assert batches.provide_label[0][:2] == ("target", (64,))
    images, labels = first.data[0].asnumpy(), first.label[0].asnumpy()
    assert images.dtype == batches.provide_data[0].dtype == np.float16
    assert abs(images.mean()) < 0.05 and abs(images.astype("float64").std() - 1) < 0.05
    assert set(labels) == set(range(7))


def test_synthetic_input_leaves_mxnets_own_random_numbers_alone():
    mx.random.seed(1)
    expected = mx.nd.random.uniform(shape=3).asnumpy()
    mx.random.seed(1)
    next(iterator(data.prepare("synthetic"), num_classes=7))
    assert np.array_equal(mx.nd.random.uniform(shape=3).asnumpy(), expected)


def test_a_network_learns_from_the_standard_images(photos):
    net = mx.sym.Variable("data")
    for layer, filters in enumerate((8, 16)):
        net = mx.sym.Convolution(net, num_filter=filters, kernel=(3, 3), stride=(2, 2), name=f"conv{layer}")
        net = mx.sym.Activation(mx.sym.BatchNorm(net, fix_gamma=False), act_type="relu")
    net = mx.sym.flatten(mx.sym.Pooling(net, pool_type="avg", global_pool=True, kernel=(1, 1)))
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=CLASSES), name="softmax")
    batches = iterator(photos, batch_size=20, image_shape=(3, 64, 64), num_classes=CLASSES)
    losses = []

    def keep_loss(param):
        losses.append(param.eval_metric.get()[1])
        param.eval_metric.reset()
        if len(losses) == 60:
            raise StopIteration  # the input has no end

    mx.random.seed(0)
    module = mx.mod.Module(net, context=mx.cpu())
    with pytest.raises(StopIteration):
        module.fit(batches, num_epoch=1, eval_metric="ce", batch_end_callback=keep_loss, optimizer="adam",
                   optimizer_params={"learning_rate": 0.01}, initializer=mx.init.Xavier())
    assert np.mean(losses[-6:]) < 0.7 * np.mean(losses[:6])
