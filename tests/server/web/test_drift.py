"""What is watched of a scan, and how far the last ones are from training."""

import math

import numpy as np
import pytest
from prometheus_client import generate_latest

from acsnet.errors import InputError
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.server.web import metrics
from acsnet.server.web.drift import (
    FEWEST,
    MEASURES,
    Drift,
    Reference,
    measures_of,
    read_reference,
)
from drift_reference import reference_of


def scan(pixels):
    grid = InputGrid(shape=(10, 10, 2), affine=np.diag([1.5, 1.25, 8.0, 1.0]), axes=(2, 1, 0))
    return ShortAxisScan(name="x", pixels=pixels.astype(np.float32), grid=grid)


def test_the_numbers_do_not_depend_on_the_units_of_the_pixels():
    pixels = np.linspace(0, 1, 200).reshape(2, 10, 10)
    expected = {
        "pixel_mm": 1.375,
        "slice_mm": 8.0,
        "median_intensity": 0.5,
        "contrast": 0.8163,  # 0.8 / 0.98
        "burden_percent": 12.5,
    }
    assert measures_of(scan(pixels), 12.5) == pytest.approx(expected, abs=1e-4)
    assert measures_of(scan(3000 * pixels + 40), 12.5) == pytest.approx(expected, abs=1e-4)
    assert "burden_percent" not in measures_of(scan(pixels), None)


def test_a_stable_population_has_an_index_of_zero_and_another_a_large_one():
    reference = reference_of(np.arange(1000) / 1000)
    assert reference.shares == (0.1,) * 10
    same = np.arange(0, 1000, 10) / 1000
    assert reference.psi(same) == pytest.approx(0.0, abs=1e-9)
    assert reference.outside(same) == pytest.approx(0.02)
    # All in the last tenth: nine bins of 0.01 for 0.1, and one of 1 for 0.1.
    by_hand = 9 * (0.01 - 0.1) * math.log(0.1) + 0.9 * math.log(10)
    assert reference.psi(np.full(50, 2.0)) == pytest.approx(by_hand)
    assert reference.outside(np.full(50, 2.0)) == 1.0


def test_one_value_in_all_of_training_is_no_obstacle():
    reference = reference_of([1.3] * 60)
    assert reference == Reference(p1=1.3, p99=1.3, edges=(1.3,), shares=(0.0, 1.0))
    assert reference.psi(np.full(30, 1.3)) == pytest.approx(0, abs=0.05)
    assert reference.psi(np.full(30, 1.2)) > 0.25


def test_nothing_is_told_from_a_few_scans():
    drift = Drift({"contrast": reference_of(np.arange(100) / 100)})
    label = 'acsnet_drift_psi{measure="contrast"}'
    for _ in range(FEWEST - 1):
        drift.add({"contrast": 0.5})
    before = generate_latest(metrics.REGISTRY).decode()
    drift.add({"contrast": 0.5})
    after = generate_latest(metrics.REGISTRY).decode()
    assert f'acsnet_drift_scans{{measure="contrast"}} {FEWEST - 1}.0' in before
    assert f"{label} " in after
    assert 'acsnet_input_median{measure="contrast"} 0.5' in after


def test_the_reference_that_is_shipped_holds_every_measure(tmp_path):
    assert tuple(read_reference()) == MEASURES
    (tmp_path / "r.json").write_text('{"measures": {}}')
    with pytest.raises(InputError, match="broken: make it again"):
        read_reference(tmp_path / "r.json")
