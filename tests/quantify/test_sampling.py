import numpy as np
import pytest

from acsnet.labels import Label
from acsnet.quantify.quantification import quantify
from acsnet.quantify.sampling import is_sampling_doubt, sampling_doubt
from acsnet.quantify.scar import ScarThreshold


def ring_of_scar(signal):
    """A wall of 40 x 40 pixels in two slices, its upper half scar of this signal, and 10 below."""
    labels = np.full((2, 44, 44), 0, np.uint8)
    labels[:, 2:42, 2:42] = Label.LV_MYOCARDIUM
    labels[:, 2:22, 2:42] = Label.CORE_SCAR
    pixels = np.full(labels.shape, 10.0, np.float32)
    pixels[labels == Label.CORE_SCAR] = np.resize(signal, int((labels == Label.CORE_SCAR).sum()))
    return pixels, labels


def doubt(pixels, labels, **options):
    return sampling_doubt(pixels, labels, voxel_ml=0.005, method="remote", **options)


def test_even_scar_is_core_however_it_is_sampled():
    assert doubt(*ring_of_scar([100.0])) == ()


def test_scar_whose_pixels_lie_on_both_sides_of_the_threshold_by_turns_is_told():
    # Peak 100, remote 10: threshold 55. By turns 100 and 30: half is core; the mean of two, 65, is.
    (note,) = doubt(*ring_of_scar([100.0, 30.0]))
    assert note.startswith("pixels 1 % larger or smaller would change core scar by ")
    assert "the grey zone by " in note


@pytest.mark.parametrize("seed", range(3))
def test_the_same_image_says_the_same_however_it_is_stored(seed):
    pixels, labels = ring_of_scar(np.random.default_rng(seed).normal(60.0, 25.0, 1600))
    pixels, labels = pixels[:, :, :31], labels[:, :, :31]  # odd by even
    told = doubt(pixels, labels)
    assert told
    for stored in (np.s_[:, ::-1], np.s_[:, :, ::-1], np.s_[::-1]):
        assert doubt(pixels[stored], labels[stored]) == told
    assert doubt(pixels.swapaxes(1, 2), labels.swapaxes(1, 2)) == told


def test_what_fills_voxels_without_signal_is_not_mixed_with_others():
    pixels, labels = ring_of_scar([100.0])
    measured = np.ones(labels.shape, bool)
    pixels[:, 4:20:3, 4:40:3], measured[:, 4:20:3, 4:40:3] = 0.0, False
    assert doubt(pixels, labels, measured=measured) == ()
    assert doubt(pixels, labels) != ()


def test_a_drawn_remote_region_moves_the_threshold():
    pixels, labels = ring_of_scar([100.0, 30.0])
    pixels[:, 40:] = -90.0  # peak 100, remote -90: threshold 5, below all scar
    remote = np.zeros(labels.shape, bool)
    remote[:, 40:42] = True
    assert doubt(pixels, labels, remote=remote) == ()


def test_without_scar_there_is_nothing_to_split():
    pixels, labels = ring_of_scar([100.0])
    labels[labels == Label.CORE_SCAR] = Label.LV_MYOCARDIUM
    assert doubt(pixels, labels) == ()


def test_zones_that_hang_on_the_pixels_are_told_where_a_threshold_split_them(shell):
    """Scar of 120 and 40 by turns: half way from the remote wall's 20 to 120 is 70."""
    scan, labels = shell(extent_deg=180)
    dark = (labels == Label.CORE_SCAR) & (np.indices(labels.shape).sum(axis=0) % 2 == 1)
    scan.pixels[dark] = 40.0
    labels[dark] = Label.GREY_ZONE
    threshold = ScarThreshold(method="remote", value=70.0, remote=20.0, peak=120.0)
    split = quantify(scan, labels, threshold=threshold)
    assert is_sampling_doubt(split.warnings[-1])
    assert quantify(scan, labels).warnings == split.warnings[:-1]  # as drawn: nothing was split
