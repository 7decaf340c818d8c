"""A SEG is written for a series in any packing, or there is a reason and no error."""

import enhanced_packings
import numpy as np
import pytest

import packings
from acsnet.io import read_scan, write_label_map
from acsnet.server.datastores.protocol import LabelRecord
from acsnet.server.datastores.seg_files import write_seg


@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        (packings.localizer_inside, None),
        (packings.raw_data_inside, None),
        (packings.repeated_slice, None),
        (packings.bare_data_sets, None),
        (packings.series_per_slice, None),
        (enhanced_packings.enhanced_multi_frame, None),
        (enhanced_packings.enhanced_one_frame_a_file, None),
        (packings.shared_instance_uid, "share the SOPInstanceUID"),
    ],
)
def test_a_seg_is_written_or_the_reason_is_told(samples, tmp_path, pack, reason):
    series = pack(packings.slices(samples / "dicom" / "phantom-1"), tmp_path / "series")
    grid = read_scan(series).grid
    labels = np.zeros(grid.shape, np.uint8)
    labels[60:80, 60:80, 2:5] = 2
    write_label_map(tmp_path / "labels.nii.gz", labels, grid)
    found = write_seg(
        tmp_path / "seg.dcm",
        series=series,
        labels=tmp_path / "labels.nii.gz",
        record=LabelRecord(
            id="one", tag="final", state="draft", author="Ana", saved=None, features={}
        ),
        edited=False,
    )
    assert (found is None) == (reason is None)
    assert reason is None or reason in found
    assert (tmp_path / "seg.dcm").is_file() == (reason is None)
