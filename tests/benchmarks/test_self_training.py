"""Samples of scans without labels beside those of labelled ones."""

import numpy as np

from acsnet.train.data.samples import Samples, stack_neighbours
from self_training import joined


def samples(value, counts, patients):
    """Stacks of `counts` slices, all pixels `value`."""
    slices = sum(counts)
    return Samples(
        images=np.full((slices, 2, 4, 4), value, np.uint8),
        tissue=np.full((slices, 4, 4), value, np.uint8),
        source=np.zeros(slices, np.uint8),
        patient=np.repeat(np.array(patients, np.int32), counts),
        neighbours=stack_neighbours(counts),
    )


def test_patients_and_neighbours_of_scans_without_labels_are_counted_on():
    both = joined(samples(1, [2, 1], [0, 4]), samples(2, [3], [0]))
    assert both.images[:, 0, 0, 0].tolist() == both.tissue[:, 0, 0].tolist() == [1, 1, 1, 2, 2, 2]
    assert both.patient.tolist() == [0, 0, 4, 5, 5, 5]
    assert both.neighbours[3:].tolist() == [[3, 4], [3, 5], [4, 5]]
    assert both.with_neighbours(np.array([4])).max() == 2
