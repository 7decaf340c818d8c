"""Points as 3D Slicer and MONAI Label's panel send them: a list for each label, all anew."""

import numpy as np
import pytest
from clicked_site import ask, own_label
from scipy.ndimage import distance_transform_edt

from acsnet.labels import ENHANCEMENT, Label
from acsnet.server.corrections.points import input_index, oldest_first

PLACE, OTHER, THIRD = (1, 2, 3), (4, 5, 6), (7, 8, 9)


def test_lists_do_not_tell_which_point_is_the_newer_and_the_request_before_does():
    before = [("core_scar", PLACE), ("lv_myocardium", OTHER)]
    sent = [("lv_myocardium", OTHER), ("lv_myocardium", PLACE), ("core_scar", PLACE)]
    assert oldest_first(sent, before) == [*before, ("lv_myocardium", PLACE)]
    assert oldest_first(sent, []) == sent


def test_the_clicks_of_our_own_pages_come_oldest_first_as_they_are():
    before = [("scar", PLACE), ("healthy", PLACE)]
    sent = [("healthy", PLACE), ("wall", THIRD), ("scar", PLACE)]
    assert oldest_first(sent, before) == sent


@pytest.fixture
def drawn(site):
    """Id of a scan, Ada's own labels on its grid, and the voxel of wall furthest from scar."""
    image = site.series["as it came"]
    scan, stack = own_label(site, image)
    k = int(np.isin(stack, ENHANCEMENT).sum(axis=(1, 2)).argmax())
    scar, wall = (
        np.argwhere(mask)
        for mask in (np.isin(stack[k], ENHANCEMENT), stack[k] == Label.LV_MYOCARDIUM)
    )
    apart = np.linalg.norm(wall[:, None] - scar[None], axis=2).min(axis=1)
    row, column = wall[apart.argmax()].tolist()
    ask(site, image, reset_state=True)
    return image, scan.grid.to_input(stack), input_index((k, row, column), scan.grid)


def told_of(told):
    return {tuple(one["point"]): (one["kind"], one["held"]) for one in told["clicks"]}


@pytest.mark.slow
def test_of_two_points_on_a_voxel_the_newer_counts_whatever_its_list(site, drawn):
    image, before, at = drawn
    scar, wall = {"core_scar": [list(at)]}, {"lv_myocardium": [list(at)]}
    assert before[at] == Label.LV_MYOCARDIUM
    for first, second, kind in ((scar, wall, "wall"), (wall, scar, "scar")):
        ask(site, image, reset_state=True)
        ask(site, image, **first)
        labels, _, told = ask(site, image, **first, **second)
        assert told_of(told) == {at: (kind, True)}
        np.testing.assert_array_equal(labels, ask(site, image, **second)[0])
        assert (labels[at] in ENHANCEMENT) == (kind == "scar")


@pytest.mark.slow
def test_scar_that_a_click_made_is_taken_off_by_a_click(site, drawn):
    image, before, at = drawn
    scar = {"core_scar": [list(at)]}
    grown, _, _ = ask(site, image, **scar)
    new = np.argwhere(np.isin(grown, ENHANCEMENT) & (before == Label.LV_MYOCARDIUM))
    new = new[new[:, 2] == at[2]]
    far = tuple(new[np.linalg.norm(new - at, axis=1).argmax()].tolist())
    assert far != at
    labels, _, told = ask(site, image, **scar, lv_myocardium=[list(far)])
    assert told_of(told) == {at: ("scar", True), far: ("healthy", True)}
    assert labels[far] == Label.LV_MYOCARDIUM
    assert labels[at] in ENHANCEMENT
    # A point that is deleted leaves no trace.
    np.testing.assert_array_equal(ask(site, image, **scar)[0], grown)
    # What comes in one request counts in the order of the lists: scar is the newest.
    for _ in range(2):
        _, _, told = ask(site, image, **scar, lv_myocardium=[list(far)], reset_state=True)
        assert told_of(told) == {far: ("wall", True), at: ("scar", True)}


@pytest.mark.slow
def test_a_newer_click_on_scar_takes_no_scar_off_at_an_older_point_of_wall(site, drawn):
    image, before, at = drawn
    wall = {"lv_myocardium": [list(at)]}
    np.testing.assert_array_equal(ask(site, image, **wall)[0], before)
    beside = np.argwhere(before == Label.LV_MYOCARDIUM)
    beside = beside[beside[:, 2] == at[2]]
    apart = np.linalg.norm(beside - at, axis=1)
    scar = {"core_scar": [beside[(apart > 1) & (apart < 3)][0].tolist()]}
    labels, _, told = ask(site, image, **wall, **scar)
    assert told_of(told)[at] == ("wall", True)
    assert labels[at] in ENHANCEMENT
    np.testing.assert_array_equal(labels, ask(site, image, **scar, reset_state=True)[0])


@pytest.mark.slow
def test_scar_that_a_wall_took_along_is_taken_off_by_a_later_point(site, drawn):
    image, before, at = drawn
    scar = np.isin(before[:, :, at[2]], ENHANCEMENT)
    depth = distance_transform_edt(~scar)
    outside = np.argwhere((before[:, :, at[2]] == 0) & (depth > 2) & (depth < 3))
    out = (*outside[len(outside) // 2].tolist(), at[2])
    moved, _, told = ask(site, image, lv_myocardium=[list(out)])
    assert told_of(told) == {out: ("wall", True)}
    assert moved[out] in ENHANCEMENT
    new = np.argwhere(np.isin(moved[:, :, at[2]], ENHANCEMENT) & ~scar)
    far = (*new[np.linalg.norm(new - out[:2], axis=1).argmax()].tolist(), at[2])
    labels, _, told = ask(site, image, lv_myocardium=[list(out), list(far)])
    assert told_of(told) == {out: ("wall", True), far: ("healthy", True)}
    assert labels[far] == Label.LV_MYOCARDIUM


@pytest.mark.slow
def test_a_scan_whose_files_were_replaced_begins_with_points_of_no_age(site, drawn, monkeypatch):
    image, _, at = drawn
    both = {"core_scar": [list(at)], "lv_myocardium": [list(at)]}
    ask(site, image, core_scar=[list(at)])
    assert told_of(ask(site, image, **both)[2]) == {at: ("wall", True)}
    monkeypatch.setattr("acsnet.server.corrections.desk.fingerprint", lambda path: "replaced")
    assert told_of(ask(site, image, **both)[2]) == {at: ("scar", True)}
