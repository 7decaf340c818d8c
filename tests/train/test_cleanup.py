import numpy as np
import torch

from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.resunet import ResUNet
from acsnet.train import cleanup
from acsnet.train.cleanup import fit_cleanup
from acsnet.train.samples.slices import SAMPLE_SIDE, Samples, stack_neighbours

NET = ResUNet(ResUNetConfig(base_filters=2, inputs=6, outputs=2)).eval()


def block(rows, columns, side=40):
    mask = np.zeros((2, side, side), bool)
    mask[:, rows, columns] = True
    return mask


def fit(monkeypatch, console, enhancement, expert, wall=None):
    wall = np.ones_like(expert) if wall is None else wall
    monkeypatch.setattr(cleanup, "predictions", lambda *_: (enhancement, wall, expert))
    return fit_cleanup(NET, None, console=console)


def test_specks_are_opened_away(monkeypatch, console):
    expert = block(slice(10, 25), slice(10, 25))
    enhancement = expert.copy()
    enhancement[:, 30:38:3, 2:38:3] = True
    # Erosion would win first if it gained, but it costs the block's rim: 2 * 169 / (169 + 225).
    assert fit(monkeypatch, console, enhancement, expert)["opening"] == 1


def test_a_rim_too_wide_by_two_pixels_is_eroded_by_two(monkeypatch, console):
    expert = block(slice(12, 28), slice(12, 28))
    enhancement = block(slice(10, 30), slice(10, 30))
    sizes = fit(monkeypatch, console, enhancement, expert)
    assert sizes == {"erosion": 2, "opening": 0, "closing": 0}


def test_a_gap_is_closed(monkeypatch, console):
    expert = block(slice(10, 30), slice(10, 30))
    enhancement = expert.copy()
    enhancement[:, :, 18:20] = False
    sizes = fit(monkeypatch, console, enhancement, expert)
    assert sizes == {"erosion": 0, "opening": 0, "closing": 1}


def test_a_perfect_mask_is_left_alone(monkeypatch, console):
    expert = block(slice(10, 30), slice(10, 30))
    sizes = fit(monkeypatch, console, expert, expert)
    assert sizes == {"erosion": 0, "opening": 0, "closing": 0}


def test_what_lies_outside_the_wall_does_not_count(monkeypatch, console):
    expert = block(slice(10, 30), slice(10, 30))
    everything = np.ones_like(expert)
    sizes = fit(monkeypatch, console, everything, expert, wall=expert)
    assert sizes == {"erosion": 0, "opening": 0, "closing": 0}


def test_a_gap_in_the_wall_is_closed_whatever_lies_outside_it(monkeypatch, console):
    expert = block(slice(10, 30), slice(10, 30))
    enhancement = np.ones_like(expert)
    enhancement[:, :, 18:20] = False
    sizes = fit(monkeypatch, console, enhancement, expert, wall=expert)
    assert sizes == {"erosion": 0, "opening": 0, "closing": 1}


def samples(sources, scars):
    n = len(sources)
    tissue = np.zeros((n, SAMPLE_SIDE, SAMPLE_SIDE), np.uint8)
    tissue[:, 80:110, 80:110] = 2
    for k, scar in enumerate(scars):
        tissue[k, 80 : 80 + scar, 80:90] = 3
    return Samples(
        images=np.full((n, 2, SAMPLE_SIDE, SAMPLE_SIDE), 90, np.uint8),
        tissue=tissue,
        source=np.array(sources, np.uint8),
        patient=np.arange(n, dtype=np.int32),
        neighbours=stack_neighbours([n] if n else [0]),
    )


def test_only_true_lge_slices_with_enhancement_are_looked_at():
    torch.manual_seed(0)
    enhancement, wall, expert = cleanup.predictions(
        NET, samples(sources=[0, 0, 1, 2, 0], scars=[5, 0, 5, 5, 10])
    )
    assert enhancement.shape == wall.shape == expert.shape == (2, 128, 128)
    assert expert.sum(axis=(1, 2)).tolist() == [50, 100]


def test_slices_are_taken_evenly_over_all_patients():
    six = samples(sources=[0] * 6, scars=[1, 2, 3, 4, 5, 6])
    _, _, expert = cleanup.predictions(NET, six, max_slices=3)
    assert expert.sum(axis=(1, 2)).tolist() == [10, 30, 50]


def test_without_enhancement_there_is_nothing_to_fit(console):
    sizes = fit_cleanup(NET, samples(sources=[0, 1], scars=[0, 5]), console=console)
    assert sizes == {"erosion": 0, "opening": 0, "closing": 0}
