import numpy as np
import torch

from acsnet.train.samples.on_device import on_device
from acsnet.train.samples.slices import Samples, stack_neighbours


def samples_of(count):
    """Slices of 2 x 2 pixels and 2 channels; each pixel holds the number of its slice."""
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 2), np.uint8)
    return Samples(
        images=images,
        tissue=images[:, 0],
        source=np.zeros(count, np.uint8),
        patient=np.zeros(count, np.int32),
        neighbours=stack_neighbours([count]),
    )


def test_a_slice_is_seen_between_the_one_below_and_the_one_above():
    index = torch.tensor([2, 0, 3])
    images, tissue = on_device(samples_of(4), "cpu").batch(index, neighbours=True)
    assert images.dtype == torch.float32
    expected = [[2, 2, 1, 1, 3, 3], [0, 0, 0, 0, 1, 1], [3, 3, 2, 2, 3, 3]]
    np.testing.assert_array_equal(images, np.array(expected)[:, :, None, None] * np.ones((2, 2)))
    assert tissue[:, 0, 0].tolist() == [2, 0, 3]


def test_without_neighbours_a_batch_is_the_slices_alone():
    images, _ = on_device(samples_of(3), "cpu").batch(torch.tensor([1]), neighbours=False)
    assert images[:, :, 0, 0].tolist() == [[1, 1]]
