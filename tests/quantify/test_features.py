import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis.extra.numpy import arrays

from acsnet.quantify.features import compute_features, split_words
from acsnet.quantify.scar import ScarThreshold

# One slice: 4 blood pool, 6 wall, 2 grey zone, 1 core, 1 obstruction; a second with 2 wall only.
SLICE = [[1, 1, 1, 1, 0, 0], [2, 2, 2, 2, 2, 2], [3, 3, 4, 5, 0, 0]]
WALL_ONLY = [[0, 0, 0, 0, 0, 0], [2, 2, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
LABELS = np.array([SLICE, WALL_ONLY], dtype=np.uint8)
THRESHOLD = ScarThreshold(method="remote", value=60.0, remote=20.0, peak=100.0)


def test_features_of_a_counted_label_map():
    features = compute_features(LABELS, 0.5, threshold=THRESHOLD)
    assert asdict(features) == {
        "lv_volume_ml": 8.0,
        "blood_pool_volume_ml": 2.0,
        "myocardium_volume_ml": 6.0,
        "enhancement_volume_ml": 2.0,
        "core_scar_volume_ml": 0.5,
        "grey_zone_volume_ml": 1.0,
        "microvascular_obstruction_volume_ml": 0.5,
        "scar_burden_percent": pytest.approx(100 / 3),
        "core_scar_burden_percent": pytest.approx(100 / 12),
        "myocardium_mass_g": pytest.approx(6.3),
        "lv_slices": 2,
        "enhancement_slices": 1,
        "scar_method": "remote",
        "scar_threshold": 60.0,
        "remote_intensity": 20.0,
        "peak_intensity": 100.0,
        "warnings": (),
    }


def test_without_a_threshold_the_labels_are_taken_at_their_word():
    features = compute_features(LABELS, 0.5)
    assert (features.core_scar_volume_ml, features.grey_zone_volume_ml) == (0.5, 1.0)
    assert features.scar_method is None


def test_core_scar_is_unknown_where_no_threshold_could_be_told():
    threshold = ScarThreshold(method="remote", reason="no signal")
    features = compute_features(LABELS, 0.5, threshold=threshold)
    assert features.enhancement_volume_ml == 2.0
    assert features.core_scar_volume_ml is None
    assert features.grey_zone_volume_ml is None
    assert features.core_scar_burden_percent is None
    assert features.warnings == ("no signal: core scar and grey zone cannot be told apart",)


def test_a_wall_without_enhancement_has_a_burden_of_zero():
    threshold = ScarThreshold(method="remote", remote=20.0)
    features = compute_features(np.minimum(LABELS, 2), 0.5, threshold=threshold)
    assert features.scar_burden_percent == 0.0
    assert features.core_scar_volume_ml == 0.0
    assert features.warnings == ()


def test_no_myocardium_has_no_burden_and_a_warning():
    features = compute_features(np.zeros((2, 3, 3), dtype=np.uint8), 0.5)
    assert features.scar_burden_percent is None
    assert features.lv_volume_ml is features.myocardium_mass_g is None
    assert (features.lv_slices, features.enhancement_slices) == (0, None)
    assert "no myocardium was found" in features.warnings[0]
    assert '"scar_burden_percent": null' in json.dumps(asdict(features), allow_nan=False)


def test_a_blood_pool_without_a_wall_has_no_number_of_wall_or_scar():
    pool = np.where(LABELS == 1, 1, 0).astype(np.uint8)
    features = compute_features(pool, 0.5, threshold=THRESHOLD)
    known = {name: value for name, value in asdict(features).items() if value is not None}
    assert known == {
        "lv_volume_ml": 2.0,
        "blood_pool_volume_ml": 2.0,
        "lv_slices": 1,
        "warnings": ("no myocardium was found: there is no scar burden",),
    }


@pytest.mark.parametrize(
    ("labels", "threshold", "words"),
    [
        (
            LABELS,
            THRESHOLD,
            "Core scar as segmented: signal from 60, half way from the remote wall (20) to the "
            "peak (100).",
        ),
        (
            LABELS,
            ScarThreshold(method="half_max", value=50.5, peak=101.0),
            "Core scar as segmented: signal from 50.5, half of the peak (101).",
        ),
        (LABELS, None, "Core scar and grey zone are as drawn."),
        (LABELS, ScarThreshold(method="remote", reason="no signal"), ""),
        (np.minimum(LABELS, 2), ScarThreshold(method="remote", remote=20.0), ""),
        (np.where(LABELS == 5, 5, np.minimum(LABELS, 2)), None, ""),
    ],
)
def test_what_split_core_scar_and_grey_zone_is_said_in_words(labels, threshold, words):
    assert split_words(vars(compute_features(labels, 0.5, threshold=threshold))) == words


def test_an_unknown_label_is_refused():
    with pytest.raises(ValueError, match=r"values 0 to 5, got \[6\]"):
        compute_features(np.full((1, 2, 2), 6, dtype=np.uint8), 0.5)


@given(arrays(np.uint8, (3, 4, 4), elements={"min_value": 0, "max_value": 5}))
def test_parts_add_up_to_the_whole_in_any_slice_order(labels):
    assume((labels > 1).any())
    features = compute_features(labels, 0.25)
    assert features.lv_volume_ml == features.blood_pool_volume_ml + features.myocardium_volume_ml
    assert features.enhancement_volume_ml == (
        features.core_scar_volume_ml
        + features.grey_zone_volume_ml
        + features.microvascular_obstruction_volume_ml
    )
    assert compute_features(labels[::-1], 0.25) == features
