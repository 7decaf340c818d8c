import json
import re

import numpy as np
import pytest

from acsnet.errors import InputError
from acsnet.label_conventions import to_labels
from acsnet.train.data.case import BACKGROUND, POOL, SCAR, WALL, tissue_of
from acsnet.train.data.datasets import ACDC
from data_sets import DATA_SETS, DATASTORE, MSCMRSEG, MYOPS, acdc_frames, labelled_cases

from ..train.conftest import image_of, labels_of, rings, save, write_data

DRAWN = {
    "emidec": (1, 2, 3),
    "acdc": (3, 2, None),
    "sunnybrook": (3, 2, None),
    "mscmrseg": (500, 200, None),
    "myops": (500, 200, 2221),
    "datastore": (1, 2, 4),
}
"""Values of pool, wall and scar."""


def drawn(data_set, **more):
    """(column, row, slice): a ring with one row of scar; `more`: values at the first voxels."""
    pool_value, wall_value, scar_value = DRAWN[data_set]
    labels = np.zeros((64, 64, 3), np.int16)
    pool, wall = rings()
    labels[pool], labels[wall] = pool_value, wall_value
    if scar_value is not None:
        labels[32, wall[32]] = scar_value
    for at, value in enumerate(more.values()):
        labels[at, 0, 0] = value
    return labels


PATHS = {
    "emidec": ("Case_P001", "Case_P001/Images/Case_P001", "Case_P001/Contours/Case_P001"),
    "acdc": (
        "patient001_frame01",
        "patient001/patient001_frame01",
        "patient001/patient001_frame01_gt",
    ),
    "sunnybrook": ("SC-N-02", "ed_png_45/images/SC-N-02", "ed_png_45/labels/SC-N-02"),
    "mscmrseg": ("patient1", "images/patient1_LGE", "gt/patient1_LGE_manual"),
    "myops": ("myops_training_101", "train25/myops_training_101_DE", "gd/myops_training_101_gd"),
    "datastore": ("case-1", "case-1", "labels/final/case-1"),
}


def unpack(folder, data_set, labels=None):
    """The data set as its users have it, with one labelled case; returns its name."""
    name, image, label = PATHS[data_set]
    labels = drawn(data_set) if labels is None else labels
    noise = np.random.default_rng(0).normal(100.0, 5.0, labels.shape)
    save(folder / f"{image}.nii.gz", noise.astype(np.float32))
    save(folder / f"{label}.nii.gz", labels)
    if data_set == "acdc":
        (folder / "patient001/Info.cfg").write_text("ED: 1\nES: 12\nGroup: DCM\nNbFrame: 30\n")
        save(folder / "patient001/patient001_4d.nii.gz", noise.astype(np.float32))
    if data_set in ("mscmrseg", "myops"):
        for other in ("C0", "T2"):
            file = re.sub("LGE|DE", other, f"{image}.nii.gz")
            save(folder / file, np.zeros((4, 4, 2), np.float32))
    if data_set == "mscmrseg":
        save(folder / "gt/patient1_C0_manual.nii.gz", labels)
    if data_set == "datastore":
        entry = {"image": {"ext": ".nii.gz"}, "labels": {"final": {"ext": ".nii.gz"}}}
        draft = {"image": {"ext": ".nii.gz"}, "labels": {"original": {"ext": ".nii.gz"}}}
        write_record(folder, {"case-1": entry, "case-2": draft, "case-3": {"image": {}}})
    return name


def write_record(folder, objects, *, images_dir=".", labels_dir="labels"):
    record = {"images_dir": images_dir, "labels_dir": labels_dir, "objects": objects}
    (folder / "datastore_v2.json").write_text(json.dumps(record))


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
def test_each_data_set_has_a_tissue_for_every_value(convention, expected):
    values = list(expected)
    got = tissue_of(to_labels(np.array(values), convention, source="a file")).tolist()
    assert dict(zip(values, got, strict=True)) == expected


@pytest.mark.parametrize("data_set", DATA_SETS)
def test_a_data_set_is_read_as_its_users_download_it(tmp_path, data_set):
    name = unpack(tmp_path, data_set)
    if data_set == "acdc":
        assert labelled_cases("acdc", tmp_path) == [name, "patient001_frame12"]
    else:
        assert labelled_cases(data_set, tmp_path) == [name]
    (case,) = DATA_SETS[data_set].cases(tmp_path, [name])
    assert case.scan.name == name
    assert case.scan.pixels.mean() == pytest.approx(100, abs=1)  # the LGE, not C0 or T2
    pool, wall = rings()
    assert (case.tissue[0] == POOL).sum() == pool.sum()
    assert (case.tissue[0] >= WALL).sum() == wall.sum()
    assert (case.tissue[0] == SCAR).sum() == (wall[32].sum() if DRAWN[data_set][2] else 0)


def test_each_data_set_says_where_its_cases_are_from(tmp_path):
    said = {}
    for data_set, adapter in DATA_SETS.items():
        name = unpack(tmp_path / data_set, data_set)
        (case,) = adapter.cases(tmp_path / data_set, [name])
        said[data_set] = case.source
    assert said == {
        "emidec": "lge",
        "acdc": "cine",
        "sunnybrook": "cine",
        "mscmrseg": "lge",
        "myops": "lge",
        "datastore": "lge",
    }


def test_the_flat_layout_is_taken_too(tmp_path):
    data = write_data(tmp_path / "data")
    assert labelled_cases("emidec", data / "emidec") == ["Case_P001", "Case_P002", "Case_P003"]
    assert labelled_cases("acdc", data / "acdc") == ["patient001_frame01", "patient002_frame01"]
    (case,) = ACDC.cases(data / "acdc", ["patient001_frame01"])
    assert (case.tissue == WALL).sum() == (labels_of("acdc") == 2).sum()


@pytest.mark.parametrize("data_set", DATA_SETS)
def test_an_unknown_label_value_names_the_file(tmp_path, data_set):
    name = unpack(tmp_path, data_set, drawn(data_set, unknown=77))
    label = PATHS[data_set][2]
    with pytest.raises(InputError, match=rf"{label}\.nii\.gz holds the values 77, which are not"):
        list(DATA_SETS[data_set].cases(tmp_path, [name]))


@pytest.mark.parametrize("data_set", DATA_SETS)
def test_another_grid_than_the_images_names_the_file(tmp_path, data_set):
    name = unpack(tmp_path, data_set)
    label = PATHS[data_set][2]
    save(tmp_path / f"{label}.nii.gz", drawn(data_set)[:, :-1], np.diag([-2.0, 2.0, 10.0, 1.0]))
    with pytest.raises(InputError, match=rf"{label}\.nii\.gz and .* must have one shape"):
        list(DATA_SETS[data_set].cases(tmp_path, [name]))


@pytest.mark.parametrize("data_set", [d for d in DATA_SETS if d != "datastore"])
def test_a_folder_of_something_else_is_refused(tmp_path, data_set):
    with pytest.raises(InputError, match=f"{tmp_path.name} holds no labelled case: files must be"):
        labelled_cases(data_set, tmp_path)


@pytest.mark.parametrize("data_set", DATA_SETS)
def test_a_case_that_is_not_there_is_refused(tmp_path, data_set):
    unpack(tmp_path, data_set)
    with pytest.raises(InputError, match="patient9_frame01"):
        list(DATA_SETS[data_set].cases(tmp_path, ["patient9_frame01"]))


def test_the_same_file_twice_is_refused(tmp_path):
    name = unpack(tmp_path, "myops")
    save(tmp_path / "copy/myops_training_101_gd.nii.gz", drawn("myops"))
    with pytest.raises(InputError, match=r"must hold one file myops_training_101_gd.*, found 2$"):
        list(MYOPS.cases(tmp_path, [name]))


def test_oedema_is_wall_and_not_enhancement(tmp_path):
    labels = drawn("myops")
    labels[labels == 200] = 1220
    (case,) = MYOPS.cases(tmp_path, [unpack(tmp_path, "myops", labels)])
    assert (case.tissue == WALL).sum() == (labels == 1220).sum()
    assert (case.tissue == SCAR).sum() == (labels == 2221).sum()


def test_a_scar_value_where_none_is_ever_drawn_is_refused(tmp_path):
    name = unpack(tmp_path, "mscmrseg", drawn("mscmrseg", scar=2221))
    with pytest.raises(
        InputError, match="holds the values 2221, which are not labels of 'mscmrseg'"
    ):
        list(MSCMRSEG.cases(tmp_path, [name]))


@pytest.mark.parametrize(
    ("text", "got"), [("ED: 1\n", "ED"), ("", "neither"), ("ED: first\nES: 12\n", "ES")]
)
def test_a_patient_without_both_phases_is_refused(tmp_path, text, got):
    info = tmp_path / "Info.cfg"
    info.write_text(text)
    with pytest.raises(InputError, match=rf"Info\.cfg must give the frames ED and ES, got {got}$"):
        acdc_frames(info)


def test_the_frames_of_both_phases(tmp_path):
    info = tmp_path / "Info.cfg"
    info.write_text("ED: 4\r\nES: 12\r\nGroup: MINF\r\n")
    assert acdc_frames(info) == {"ED": 4, "ES": 12}


def test_a_datastore_may_keep_its_images_in_a_folder(tmp_path):
    labels = drawn("datastore")
    entry = {"image": {"ext": ".nii"}, "labels": {"final": {"ext": ".nii.gz"}}}
    save(tmp_path / "images/a.nii", image_of(labels_of("emidec"), "emidec", 0))
    save(tmp_path / "drawn/final/a.nii.gz", labels)
    write_record(tmp_path, {"a": entry}, images_dir="images", labels_dir="drawn")
    (case,) = DATASTORE.cases(tmp_path, labelled_cases("datastore", tmp_path))
    assert (case.tissue == SCAR).sum() == (labels == 4).sum()


def test_a_draft_is_no_training_case(tmp_path):
    unpack(tmp_path, "datastore")
    with pytest.raises(InputError, match="'case-2' has no image with a final label"):
        list(DATASTORE.cases(tmp_path, ["case-2"]))
    write_record(tmp_path, {})
    with pytest.raises(InputError, match="holds no labelled case"):
        labelled_cases("datastore", tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"objects": []}', '{"objects": {"a": 1}}', "{}"])
def test_a_broken_datastore_record_is_named(tmp_path, text):
    (tmp_path / "datastore_v2.json").write_text(text)
    with pytest.raises(InputError, match=r"datastore_v2\.json is broken"):
        labelled_cases("datastore", tmp_path)


def test_a_folder_that_is_no_datastore_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"datastore_v2\.json is missing: .* no MONAI Label"):
        labelled_cases("datastore", tmp_path)


@pytest.mark.slow
def test_a_datastore_that_monai_label_wrote_is_read(tmp_path):
    local = pytest.importorskip("monailabel.datastore.local")
    labels = drawn("datastore")
    save(tmp_path / "store/case-7.nii.gz", image_of(labels_of("emidec"), "emidec", 0))
    save(tmp_path / "drawn.nii.gz", labels)
    store = local.LocalDatastore(str(tmp_path / "store"))
    store.save_label("case-7", str(tmp_path / "drawn.nii.gz"), "final", {})
    assert labelled_cases("datastore", tmp_path / "store") == ["case-7"]
    (case,) = DATASTORE.cases(tmp_path / "store", ["case-7"])
    assert (case.tissue == WALL).sum() == (labels == 2).sum()
