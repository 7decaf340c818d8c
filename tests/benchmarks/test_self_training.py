"""Samples of scans without labels beside those of labelled ones."""

import numpy as np
import pytest

from acsnet.errors import InputError
from acsnet.storage import write_json
from acsnet.train.samples.slices import Samples, stack_neighbours
from self_training import digest_of, joined
from training.fold_arms import kept


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


def test_measures_of_other_settings_are_refused(tmp_path):
    path = tmp_path / "self-training-with.json"
    patients = {"Case_P001": {"wall_dice": 0.8}}
    write_json(path, {"settings": {"side": 96, "share": [0.6, 0.4]}, "patients": patients})
    assert kept(path, {"side": 96, "share": (0.6, 0.4)}) == patients
    with pytest.raises(InputError, match=r"self-training-with\.json holds measures of other"):
        kept(path, {"side": 128, "share": (0.6, 0.4)})


def test_scans_are_known_by_their_names_and_contents(tmp_path):
    digests = set()
    for name, content in (("a.nii.gz", b"1"), ("a.nii.gz", b"2"), ("b.nii.gz", b"2")):
        folder = tmp_path / str(len(digests))
        folder.mkdir()
        (folder / name).write_bytes(content)
        digests.add(digest_of(folder))
    assert len(digests) == 3
    assert digest_of(folder) in digests
