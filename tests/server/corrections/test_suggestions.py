"""What a hand-drawn wall is offered: the nearest possible one, and nothing behind its back."""

import html

import numpy as np
import pytest
from clicked_site import READER, own_label

from acsnet.labels import Label
from acsnet.server.datastores.label_intake import DrawnLabel, accept_label

pytestmark = pytest.mark.slow


def test_a_hand_drawn_wall_gets_a_suggestion_and_stays_as_it_was_drawn(site):
    image = site.series["on the side, oblique"]
    scan, stack = own_label(site, image)
    drawn = stack.copy()
    k = len(stack) // 2
    row = int(np.argwhere(stack[k] == Label.LV_BLOOD_POOL)[:, 0].mean())
    drawn[k, row, 2:-2] = np.where(drawn[k, row, 2:-2], drawn[k, row, 2:-2], Label.LV_MYOCARDIUM)
    store = site.app.datastore()
    labels = scan.grid.to_input(drawn)
    about = {"drawn_on": store.state_to_label(image), "author": READER, "tag": "final"}
    accept_label(store, image, DrawnLabel(scan=scan, labels=labels, **about))
    answer = site.client.get(f"/acsnet/cases/{image}/suggestion")
    (slice_,) = answer.json()["slices"]
    assert slice_["slice"] == scan.grid.slice_number(k)
    assert slice_["removed_mm2"] > 0
    shape = answer.json()["label_map"]["shape"]
    assert shape == [scan.grid.shape[axis] for axis in scan.grid.axes]
    np.testing.assert_array_equal(store.drawn_by(image)[READER], labels)


def test_without_a_drawn_label_there_is_no_suggestion(site):
    address = "/acsnet/cases/phantom/suggestion"
    for params, why in (
        ({}, "case 'phantom' has no label map of a person yet: save one first"),
        ({"tag": "mine"}, "case 'phantom' has no label map 'mine'"),
    ):
        answer = site.client.get(address, params=params)
        assert answer.status_code == 404
        assert why in html.unescape(answer.text)
