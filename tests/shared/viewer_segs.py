"""Segmentations as viewers make them."""

import numpy as np

from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.source_images import source_stack
from acsnet.io import read_scan


def seg_of(series, folder, **tags):
    """A segmentation of a series as a viewer makes it, with tags of the sender's choice."""
    folder.mkdir()
    for dataset in series:
        dataset.save_as(folder / f"{dataset.InstanceNumber}.dcm", write_like_original=False)
    scan = read_scan(folder)
    labels = np.zeros(scan.pixels.shape, np.uint8)
    labels[2, 10:20, 10:20] = 2
    sources = source_stack(scan, series)
    seg = make_seg(
        labels, sources, state="reviewed", algorithm_type="AUTOMATIC", creator="Colleague"
    )
    seg.Manufacturer, seg.ContentLabel, seg.SeriesDescription = "Viewer", "SEGMENTATION", "Edit"
    for tag, value in tags.items():
        setattr(seg, tag, value)
    return seg
