import numpy as np

from acsnet.labels import Label
from acsnet.quantify.sampling import sampling_doubt


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
