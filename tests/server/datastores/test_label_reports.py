"""A label map that is measured again has the doubts of now, and those that only its past can tell.

A phantom in black surroundings has no right ventricle to be found; without patient axes, nothing
but the brighter side tells anterior from inferior.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from acsnet import __version__
from acsnet.measure import measure_labels
from acsnet.phantom.make import make_phantom
from acsnet.phantom.spec import PhantomSpec
from acsnet.quantify.features import split_words
from acsnet.quantify.quantification import NOTHING, Given
from acsnet.report.reading import UNREAD
from acsnet.server.datastores.label_reports import (
    companions_of,
    features_with,
    kept_features,
    warnings_with,
    with_given,
)

ANTERIOR, INFERIOR = {5: (76.0, 81.0)}, {5: (106.0, 109.0)}  # around a blood pool at (91, 95)
OF_THE_RUN = (
    "enhancement of 3.1 % of the wall was left out, in parts too small for a scar",
    "pixels 1 % larger or smaller would change core scar by 12 %: compare with care",
)
MISSING = "the right ventricle was not found in the image: for AHA segments its anterior"


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomSpec(name="phantom", seed=7))


@pytest.fixture(scope="module")
def measure(phantom):
    """Measures the phantom; black: nothing around the heart; axes: of the patient."""

    def make(given=NOTHING, *, black=False, axes=True):
        scan = phantom.scan
        if black:
            near = binary_dilation(phantom.labels > 0, np.ones((1, 3, 3)), 2)
            noise = np.random.default_rng(0).normal(5.0, 3.0, near.shape)
            scan = replace(scan, pixels=np.where(near, scan.pixels, noise).astype(np.float32))
        if not axes:
            affine = np.diag([1.5, 1.5, 10.0, 1.0])
            scan = replace(scan, grid=replace(scan.grid, affine=affine))
        measured = measure_labels(scan, scan.grid.to_input(phantom.labels), given=given)
        return replace(measured, warnings=(*measured.warnings, *OF_THE_RUN))

    return make


def test_a_draft_whose_right_ventricle_was_not_found_does_not_ask_for_what_was_given(measure):
    draft = measure(black=True)
    assert [text.startswith(MISSING) for text in draft.warnings].count(True) == 1
    marked = with_given(draft, Given(rv_insertion_by_slice=ANTERIOR))
    assert marked.quantification.segment_model is not None
    assert marked.warnings == OF_THE_RUN
    assert warnings_with(draft.warnings, marked) == OF_THE_RUN


def test_of_two_opposite_doubts_of_the_side_only_that_of_now_is_told(measure):
    draft = measure(axes=False)
    assert "AHA segments take the brighter side" in draft.warnings[0]
    marked = with_given(draft, Given(rv_insertion_by_slice=ANTERIOR))
    (doubt,) = (text for text in marked.warnings if "brighter side" in text)
    assert doubt.endswith("is that of the RV insertion that was given: is it the anterior one?")


def test_what_belongs_to_the_label_map_stays_when_it_is_measured_again(measure):
    measured = measure()
    run = {
        "intervals": {"scar_burden_percent": {"low": 1.0, "high": 9.0, "level": 0.9}},
        "anatomy": {"slices": [], "dropped_slices": 0},
        "scar_threshold": 123.0,
    }
    weights = {"MYO": "ab"}
    noted = {
        **measured.features_dict(),
        **run,
        "schema": 4,
        "software": {"acsnet": "0.2.0", "weights_sha256": weights},
        "warnings": ["of then"],
        "scar_transmurality_percent": 85.757,
    }
    again = features_with(noted, measured)
    now = kept_features(measured)
    software = {"acsnet": __version__, "weights_sha256": weights}
    assert again == {**now, **run, "software": software}
    assert (again["schema"], now["warnings"]) == (5, list(measured.warnings))
    assert features_with({**noted, "schema": 3}, measured) == now


def test_the_sr_of_a_draft_that_is_measured_again_says_the_threshold_on_record(measure):
    split = {
        "scar_method": "half_max",
        "scar_threshold": 60.0,
        "remote_intensity": 20.0,
        "peak_intensity": 120.0,
    }
    measured = measure()
    noted = {**measured.features_dict(), **split, "warnings": ["of then"]}
    features = companions_of(measured, features=noted, reading=UNREAD).features
    words = "Core scar as segmented: signal from 60, half of the peak (120)."
    assert split_words(vars(features)) == words
    assert features == replace(measured.features, **split, warnings=measured.warnings)


def test_a_doubt_of_a_mark_that_was_moved_or_taken_away_is_gone(measure):
    far = measure(Given(rv_insertion_by_slice=INFERIOR))
    assert any("degrees from where the septum" in text for text in far.warnings)
    moved = with_given(far, Given(rv_insertion_by_slice=ANTERIOR))
    assert moved.warnings == OF_THE_RUN
    assert warnings_with(far.warnings, measure()) == OF_THE_RUN


def test_a_doubt_of_the_automatic_remote_region_is_gone_where_a_person_placed_one(measure):
    bright = "9 % of the remote region, 1.2 ml in one piece, is as bright as core scar: scar may"
    noted = (bright, *OF_THE_RUN)
    assert warnings_with(noted, measure()) == OF_THE_RUN


@pytest.mark.parametrize(
    "of_then",
    [
        "left ventricular volume of 12 ml is implausible",
        "the blood pool has 7% of the wall's volume: too little for a heart",
        "the apex may be missing: the lowest slice has 85% of the largest one's area",
    ],
)
def test_what_earlier_versions_said_of_a_measurement_is_not_said_by_one_of_now(measure, of_then):
    assert warnings_with((of_then, *OF_THE_RUN), measure()) == OF_THE_RUN
