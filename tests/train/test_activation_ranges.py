import numpy as np
import pytest
import torch

from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_weights import save_network
from acsnet.nets.weights import RANGES, read_weights
from acsnet.train import activation_ranges as module
from acsnet.train.activation_ranges import (
    LEAST,
    activation_ranges,
    images_seen,
    inner_of,
    measure_ranges,
    ranges_after_training,
    scans_as_they_came,
    values_beyond,
)
from acsnet.train.data.case import WALL
from acsnet.train.samples.slices import MYO_SCALE, SOURCES, Samples, stack_neighbours
from shared.network_arrays import weights_of


def plain_network(*, between=0.0, more=0.0):
    """Its first block gives back the image and `more`; between its convolutions is `between`."""
    net = ResUNet(ResUNetConfig(base_filters=1, inputs=1, outputs=1, depth=1))
    with torch.no_grad():
        for norm, bias in ((net.down[0].body[2], between), (net.down[0].body[5], more)):
            norm.weight.zero_()
            norm.bias.fill_(bias)
    return weights_of(net.eval())


def all_positive_network():
    net = ResUNet(ResUNetConfig(base_filters=2, inputs=1, outputs=1, depth=1))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(0.1)
    return net.eval()


def image(low, high):
    seen = np.zeros((1, 8, 8), np.float32)
    seen[0, 3, 3:5] = low, high
    return seen


def test_a_range_is_the_mean_of_the_lowest_and_of_the_highest_in_each_image():
    seen = [image(-1.0, 3.0), image(-3.0, 5.0)]
    ranges = activation_ranges(plain_network(), seen)
    assert ranges["down.0.out"] == (-2.0, 4.0)
    assert ranges["down.0.mid"] == (0.0, LEAST)
    assert set(ranges) == {"down.0.mid", "down.0.out", "down.1.mid", "down.1.out", "up.0.mid"}


def test_zero_is_in_every_range():
    ranges = activation_ranges(plain_network(), [1.0 + image(0.0, 1.0)])
    assert ranges["down.0.out"] == (0.0, 2.0)


def test_what_is_beyond_is_taken_off_where_black_edges_are_left_out():
    """Edges of 2 of 8 pixels are; the signal of `image` lies in the middle 2 x 2."""
    network = plain_network(between=-0.5, more=0.25)
    inner = inner_of(network, [image(1.0, 3.0)])
    np.testing.assert_allclose(inner.beyond["down.0.mid"], [-0.5])
    np.testing.assert_allclose(inner.beyond["down.0.out"], [0.25])
    assert inner.ranges["down.0.out"] == (0.0, 3.0)
    assert inner.ranges["down.0.mid"] == (0.0, LEAST)


def test_only_signal_far_from_the_edge_tells_what_is_beyond():
    # With random weights all that is looked at may be cut to zero.
    network = weights_of(all_positive_network())
    clear, near, black = image(1.0, 3.0), image(1.0, 3.0), image(0.0, 0.0)
    near[0, 2, 2] = 5.0

    def beyond(*seen):
        return values_beyond(network, seen)["up.0.mid"].tolist()

    assert beyond(near, clear) == beyond(clear) != beyond(black)
    assert beyond(near) == beyond(black)


def test_without_an_image_with_black_edges_none_are_left_out():
    assert inner_of(plain_network(), [1.0 + image(0.0, 1.0)]) is None


def samples(stacks, *, channels=1, side=64):
    """Stacks of (source, patient, slices): a square of wall as bright as 160 before grey of 40."""
    counts = [slices for *_, slices in stacks]
    tissue = np.zeros((sum(counts), side, side), np.uint8)
    tissue[:, 28:36, 28:36] = WALL
    bright = np.where(tissue == WALL, np.uint8(MYO_SCALE), np.uint8(40))
    sources = [SOURCES.index(source) for source, *_ in stacks]
    return Samples(
        images=np.repeat(bright[:, None], channels, axis=1),
        tissue=tissue,
        source=np.repeat(np.array(sources, np.uint8), counts),
        patient=np.repeat(np.array([patient for _, patient, _ in stacks], np.int32), counts),
        neighbours=stack_neighbours(counts),
    )


def test_of_each_true_lge_scan_the_variant_that_came_first_is_taken():
    stacks = [("cine", 0, 2), ("lge", 1, 3), ("lge", 1, 3), ("lge", 2, 1)]
    assert scans_as_they_came(samples(stacks)) == [slice(2, 5), slice(8, 9)]
    assert scans_as_they_came(samples([("phantom", 0, 2)])) == [slice(0, 2)]


def test_sixteen_scans_spread_over_all_are_enough():
    chosen = scans_as_they_came(samples([("lge", k, 1) for k in range(31)]))
    assert [stack.start for stack in chosen] == list(range(0, 31, 2))


def test_the_roi_network_sees_each_slice_between_its_neighbours():
    seen = samples([("lge", 0, 2)])
    seen.images[:] = np.array([51, 255], np.uint8)[:, None, None, None]
    first, second = images_seen("roi", seen)
    np.testing.assert_allclose(first[:, 0, 0], [0.2, 0.2, 1.0])
    np.testing.assert_allclose(second[:, 0, 0], [1.0, 0.2, 1.0])


def test_the_myo_network_sees_the_square_round_what_the_expert_drew():
    seen = samples([("lge", 0, 2)], channels=2)
    seen.tissue[1] = 0  # in a slice without a ventricle it is not asked
    (image,) = images_seen("myo", seen)
    assert image.shape == (6, 128, 128)
    # 8 pixels of ventricle and 14 more on either side, in the middle of the window.
    assert np.unique(np.nonzero(image[0])[0]).tolist() == list(range(46, 82))
    assert image[0, 64, 64] == pytest.approx(1.0)
    assert image[0, 47, 47] == pytest.approx(40 / 160)


def save_small(folder):
    torch.manual_seed(0)
    net = ResUNet(ResUNetConfig(base_filters=1, inputs=3, outputs=1, depth=1))
    save_network(net, "roi", folder=folder, about={})


def test_ranges_are_kept_beside_the_weights_that_they_were_measured_with(tmp_path, console):
    save_small(tmp_path)
    ranges_after_training("roi", samples([("lge", 0, 2)]), folder=tmp_path, console=console)
    ranges = read_weights("roi", ResUNetConfig, folder=tmp_path).ranges
    assert set(ranges) == {"down.0.mid", "down.0.out", "down.1.mid", "down.1.out", "up.0.mid"}
    (tmp_path / RANGES).unlink()
    measure_ranges("roi", list(images_seen("roi", samples([("lge", 0, 2)]))), folder=tmp_path)
    assert read_weights("roi", ResUNetConfig, folder=tmp_path).ranges == ranges


def test_ranges_that_cannot_be_measured_are_told_and_lose_nothing(tmp_path, console, monkeypatch):
    def fails(*args, **options):
        raise RuntimeError("no memory")

    save_small(tmp_path)
    monkeypatch.setattr(module, "activation_ranges", fails)
    ranges_after_training("roi", samples([("lge", 0, 2)]), folder=tmp_path, console=console)
    assert read_weights("roi", ResUNetConfig, folder=tmp_path).ranges is None
    console.file.flush()
    told = (tmp_path / "console.txt").read_text()
    assert "roi: runs without 8 bits, its ranges could not be measured: no memory" in told
