"""Clicks of readers on a scan parts of which have no signal."""

import numpy as np

from acsnet.labels import Label
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.server.corrections import desk
from acsnet.server.corrections.desk import CorrectionDesk, Reader
from acsnet.server.corrections.reader_states import ReaderStates

ROWS, COLUMNS = np.indices((80, 80)) - 40
RADIUS = 1.5 * np.hypot(ROWS, COLUMNS)


def test_what_fills_a_scan_does_not_split_the_scar_of_a_click(tmp_path, monkeypatch, pipeline):
    # Half way from 50 to 200 is 125; with the fill, which is most of the wall, it would be -150.
    labels = np.zeros((2, 80, 80), np.uint8)
    labels[:, RADIUS < 32.0] = Label.LV_MYOCARDIUM
    labels[:, RADIUS <= 22.0] = Label.LV_BLOOD_POOL
    scar = (RADIUS > 22.0) & (RADIUS < 32.0) & (np.abs(ROWS) < 10) & (COLUMNS > 0)
    labels[0][scar] = Label.CORE_SCAR
    pixels = np.full(labels.shape, 50.0, np.float32)
    pixels[0][scar], pixels[1][scar] = 200.0, 110.0
    measured = np.broadcast_to(COLUMNS > 5, labels.shape)
    pixels[~measured] = -500.0
    grid = InputGrid(shape=(80, 80, 2), affine=np.diag([1.5, 1.5, 10.0, 1.0]), axes=(2, 1, 0))
    scan = ShortAxisScan(name="scan", pixels=pixels, grid=grid, apex_first=True, signal=measured)
    monkeypatch.setattr(desk, "read_scan", lambda _: scan)
    file = tmp_path / "scan.nii"
    file.write_bytes(b"")
    states = ReaderStates(tmp_path / "clicks")
    corrected = CorrectionDesk(
        None, states=states, passing=states, corrector=lambda: pipeline.corrector, run=None
    ).click(
        file,
        "",
        Reader(),
        lambda _: [("core_scar", (58, 40, 1))],
        drawn=lambda scan: scan.grid.to_input(labels),
    )
    assert corrected.labels[58, 40, 1] == Label.GREY_ZONE
