"""How data sets name their files, and what their label values are to training."""

import numpy as np
import pytest

from acsnet.errors import InputError
from acsnet.label_conventions import to_labels
from acsnet.train.data.case import BACKGROUND, POOL, SCAR, WALL, tissue_of
from acsnet.train.data.datasets import ADAPTERS, terms_of

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


LGE = {
    "myops": ("a/p1_DE", "b/p1_gd", {1: 500, 2: 200, 3: 2221}, ("a/p1_C0", "a/p1_T2")),
    "mscmrseg": ("a/p1_LGE", "b/p1_LGE_manual", {1: 500, 2: 200, 3: 200}, ("b/p1_C0_manual",)),
    "datastore": ("p1", "labels/final/p1", {1: 1, 2: 2, 3: 4}, ("labels/original/p1",)),
}
"""Image and labels of patient p1, the values of pool, wall and scar, and other files there."""


def unpack(folder, data_set):
    """The data set as its users have it, with one patient; the labels as `labels_of` has them."""
    image, label, values, others = LGE[data_set]
    labels = labels_of("emidec")
    save(folder / f"{image}.nii.gz", image_of(labels, "emidec", 0))
    save(folder / f"{label}.nii.gz", np.array([0, *values.values()], np.int16)[labels])
    for other in others:
        save(folder / f"{other}.nii.gz", np.ones((4, 4, 2), np.int16))
    return labels


@pytest.mark.parametrize("data_set", LGE)
def test_true_lge_is_read_beside_other_images_and_drafts(tmp_path, data_set):
    labels = unpack(tmp_path, data_set)
    (case,) = ADAPTERS[data_set].cases(tmp_path, ["p1"])
    assert (case.scan.name, case.source) == ("p1", "lge")
    assert (case.tissue == POOL).sum() == (labels == 1).sum()
    assert (case.tissue >= WALL).sum() == (labels >= 2).sum()
    drawn = data_set != "mscmrseg"
    assert (case.tissue == SCAR).sum() == (labels == 3).sum() * drawn
    assert case.scar_unknown is not drawn


@pytest.mark.parametrize("data_set", LGE)
def test_a_case_that_is_not_there_is_named(tmp_path, data_set):
    unpack(tmp_path, data_set)
    with pytest.raises(InputError, match=r"p2.*nii\.gz.* does not exist"):
        list(ADAPTERS[data_set].cases(tmp_path, ["p2"]))


def test_a_file_that_is_there_twice_is_refused(tmp_path):
    unpack(tmp_path, "myops")
    unpack(tmp_path / "copy", "myops")
    with pytest.raises(InputError, match=r"must hold one file p1_DE\.nii\.gz, found 2: "):
        list(ADAPTERS["myops"].cases(tmp_path, ["p1"]))


def test_the_terms_of_what_was_trained_on_are_told():
    told = terms_of({"acdc", "emidec"})
    assert told == "EMIDEC (CC BY-NC-SA 4.0), ACDC (CC BY-NC-SA 4.0)"
