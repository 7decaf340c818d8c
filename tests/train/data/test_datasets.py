"""How data sets name their files, and what their label values are to training."""

import numpy as np
import pytest

from acsnet.label_conventions import to_labels
from acsnet.train.data.case import BACKGROUND, POOL, SCAR, WALL, tissue_of
from acsnet.train.data.datasets import ADAPTERS

from ..conftest import image_of, labels_of, save


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        ("emidec", {0: BACKGROUND, 1: POOL, 2: WALL, 3: SCAR, 4: SCAR}),
        # The right ventricle is background.
        ("acdc", {0: BACKGROUND, 1: BACKGROUND, 2: WALL, 3: POOL}),
        ("mscmrseg", {0: BACKGROUND, 200: WALL, 500: POOL, 600: BACKGROUND}),
        # Oedema is wall.
        ("myops", {0: 0, 200: WALL, 500: POOL, 600: BACKGROUND, 1220: WALL, 2221: SCAR}),
        # Grey zone, core scar, microvascular obstruction.
        ("acsnet", {0: BACKGROUND, 1: POOL, 2: WALL, 3: SCAR, 4: SCAR, 5: SCAR}),
    ],
)
def test_each_convention_has_a_tissue_for_every_value(convention, expected):
    values = list(expected)
    got = tissue_of(to_labels(np.array(values), convention, source="a file")).tolist()
    assert dict(zip(values, got, strict=True)) == expected


@pytest.mark.parametrize(
    ("data_set", "image", "label"),
    [
        ("emidec", "Case_P1/Images/Case_P1", "Case_P1/Contours/Case_P1"),
        ("emidec", "images/Case_P1", "labels/Case_P1"),
        ("acdc", "patient1/patient1_frame12", "patient1/patient1_frame12_gt"),
        ("acdc", "images/patient1_frame12", "labels/patient1_frame12"),
        ("sunnybrook", "ed_png_45/images/SC-N-02", "ed_png_45/labels/SC-N-02"),
        ("sunnybrook", "images/SC-N-02", "labels/SC-N-02"),
    ],
)
def test_a_data_set_is_read_as_it_is_downloaded_and_flat(tmp_path, data_set, image, label):
    kind = "emidec" if data_set == "emidec" else "acdc"
    labels, name = labels_of(kind), image.rpartition("/")[2]
    save(tmp_path / f"{image}.nii.gz", image_of(labels, kind, 0))
    save(tmp_path / f"{label}.nii.gz", labels)
    (case,) = ADAPTERS[data_set].cases(tmp_path, [name])
    source, pool, wall, scar = ("lge", 1, 2, 3) if kind == "emidec" else ("cine", 3, 2, None)
    assert (case.scan.name, case.source) == (name, source)
    for tissue, value in ((POOL, pool), (WALL, wall), (SCAR, scar)):
        assert (case.tissue == tissue).sum() == (labels == value).sum()
