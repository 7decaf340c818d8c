"""A stack in eight orientations: a click or a stroke lands where it is seen, in each viewer."""

import gzip
from types import SimpleNamespace

import nibabel as nib
import nrrd
import numpy as np
import pydicom
import pytest
import requests
from orientations import ORIENTATIONS, on_grid, stack, write
from panel_pages import (
    affine_of,
    answered_stack,
    choose_label,
    choose_points,
    click_wall,
    open_panel,
    run_points,
    sent_points,
    shown_stack,
)
from slicer_files import NRRD, nrrd_affine
from viewer_pages import (
    STOCK_IMAGES,
    check_voxels,
    label_map,
    open_case,
    shown_slices,
    stroke,
)

from acsnet.labels import MYOCARDIUM, Label
from acsnet.server.pages.viewers import stock_folder

STOCK = pytest.mark.skipif(stock_folder() is None, reason="stock OHIF is not here (make viewer)")

MIRRORED = ("columns reversed", "rows and slices reversed")
"""Between them rows, columns and slices are each reversed and not; `benchmarks/` has all eight."""


@pytest.fixture(scope="module")
def turned_site(start_server, slicer, samples, tmp_path_factory):
    """A server on the eight stacks, each with the true labels of the phantom, reviewed.

    client: of 3D Slicer. series: images by orientation. truth: the true labels. loaded: the volume
    that 3D Slicer downloads, by orientation.
    """
    folder = tmp_path_factory.mktemp("turned")
    source = [pydicom.dcmread(file) for file in sorted((samples / "dicom/phantom-1").iterdir())]
    series = {name: stack(source, name) for name in ORIENTATIONS}
    for number, images in enumerate(series.values()):
        write(images, folder / "studies" / f"{number}")
    url, _ = start_server(folder / "studies")
    client = slicer.MONAILabelClient(url, tmpdir=str(folder))
    truth = nib.load(samples / "truth" / "phantom-1.nii.gz")
    loaded = {}
    for name, images in series.items():
        asked = {"image": case_of(images)}
        answer = requests.get(f"{url}/datastore/image", params=asked, timeout=60)
        loaded[name] = nib.Nifti1Image.from_bytes(gzip.decompress(answer.content))
        drawn = folder / "drawn.nii.gz"
        labels = true_labels(truth, loaded[name])
        nib.save(nib.Nifti1Image(labels, loaded[name].affine), drawn)
        client.save_label(case_of(images), str(drawn), params={"state": "reviewed"})
    return SimpleNamespace(url=url, client=client, series=series, truth=truth, loaded=loaded)


def case_of(images):
    return str(images[0].SeriesInstanceUID)


def true_labels(truth, image):
    """The true labels on the grid of an image that holds the same voxels in another order."""
    labels = np.asarray(truth.dataobj).astype(np.uint8)
    return on_grid(labels, truth.affine, image.affine, image.shape)


def outer_wall_mm(truth):
    """A place in the wall at its outside, in the middle of the stack (RAS)."""
    labels = np.asarray(truth.dataobj)
    k = labels.shape[2] // 2
    row = int(np.argwhere(labels[:, :, k] == Label.LV_BLOOD_POOL)[:, 1].mean())
    column = int(np.flatnonzero(np.isin(labels[:, row, k], MYOCARDIUM))[0]) + 1
    return truth.affine @ [column, row, k, 1.0]


def voxel(affine, place):
    return tuple(np.rint(np.linalg.inv(affine) @ place).astype(int)[:3].tolist())


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_a_point_of_3d_slicers_client_moves_the_wall_where_it_is_seen(turned_site, name):
    place, client = outer_wall_mm(turned_site.truth), turned_site.client
    case, image = case_of(turned_site.series[name]), turned_site.loaded[name]
    before = true_labels(turned_site.truth, image)
    seen = voxel(image.affine, place)
    points = {label: [] for label in client.info()["labels"]}
    points |= {"background": [list(seen)], "label": "background", **NRRD}
    file, told = client.infer("acsnet_click", case, points)
    after, header = nrrd.read(file, index_order="F")
    np.testing.assert_allclose(nrrd_affine(header), image.affine, atol=1e-3)
    assert [one["held"] for one in told["clicks"]] == [True]
    assert np.isin(before[seen], MYOCARDIUM)
    assert after[seen] == Label.BACKGROUND
    moved = np.argwhere(np.isin(before, MYOCARDIUM) & (after == Label.BACKGROUND))
    assert np.bincount(moved[:, 2], minlength=after.shape[2]).argmax() == seen[2]


@pytest.mark.parametrize("name", MIRRORED)
def test_a_point_in_monai_labels_panel_moves_the_wall_where_it_is_seen(
    page, turned_site, look, name
):
    series = turned_site.series[name]
    open_panel(page, turned_site.url, series[0])
    affine = affine_of(series)
    reviewed = label_map(turned_site.url, case_of(series), "final")
    choose_points(page)
    assert sent_points(run_points(page))["background"] == []
    before = shown_stack(page, series)
    np.testing.assert_array_equal(before, reviewed)
    choose_label(page, "background")
    seen = click_wall(page, before, affine)
    look(f"panel-clicked-{name}")
    answer = run_points(page)
    look(f"panel-moved-{name}")
    after = shown_stack(page, series)
    np.testing.assert_array_equal(after, answered_stack(answer.body(), affine, after.shape))
    assert sent_points(answer)["background"] == [list(seen)]
    assert np.isin(before[seen], MYOCARDIUM)
    assert after[seen] == Label.BACKGROUND


@STOCK
@pytest.mark.parametrize("name", MIRRORED)
def test_a_stroke_in_our_mode_is_saved_where_it_was_drawn(page, turned_site, name):
    url, series = turned_site.url, turned_site.series[name]
    case = case_of(series)
    reviewed = label_map(url, case, "final")
    open_case(page, url, case)
    check_voxels(shown_slices(page, STOCK_IMAGES), reviewed, series)
    stroke(page)
    edited = shown_slices(page, STOCK_IMAGES)
    page.get_by_role("button", name="Save", exact=True).click()
    status = page.locator('[data-cy="acsnet-status"]')
    status.filter(has_text="draft by Ana Reader").wait_for()
    saved = label_map(url, case, "draft")
    check_voxels(edited, saved, series)
    assert set(saved[saved != reviewed]) <= {Label.CORE_SCAR, Label.LV_MYOCARDIUM}
    assert (saved != reviewed).any()
