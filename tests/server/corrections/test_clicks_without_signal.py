"""Clicks of readers on a ring: parts without signal, and many points of wall."""

import numpy as np

from acsnet.interaction.clicked_labels import click_labels
from acsnet.interaction.clicks import Kind
from acsnet.labels import ENHANCEMENT, Label
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.server.corrections import desk
from acsnet.server.corrections.desk import CorrectionDesk, Reader
from acsnet.server.corrections.reader_states import ReaderStates
from acsnet.server.inference.request import ClickRequest

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
        ClickRequest(
            points=lambda _: [("core_scar", (58, 40, 1))],
            drawn=lambda scan: scan.grid.to_input(labels),
        ),
    )
    assert corrected.labels[58, 40, 1] == Label.GREY_ZONE


def test_wall_that_is_clicked_where_it_is_drawn_takes_no_answer_of_its_own(monkeypatch, pipeline):
    # A ring of one signal: scar grows 10 mm from its point, over the four points of wall beside it.
    labels = np.zeros((1, 80, 80), np.uint8)
    labels[:, RADIUS < 32.0] = Label.LV_MYOCARDIUM
    labels[:, RADIUS <= 22.0] = Label.LV_BLOOD_POOL
    grid = InputGrid(shape=(80, 80, 1), affine=np.diag([1.5, 1.5, 10.0, 1.0]), axes=(2, 1, 0))
    pixels = np.full(labels.shape, 50.0, np.float32)
    scan = ShortAxisScan(name="scan", pixels=pixels, grid=grid, apex_first=True)
    answers, scar = [], ("core_scar", (58, 40, 0))
    walls = [("lv_myocardium", (58, row, 0)) for row in (38, 39, 41, 42)]

    def counted(*args, **options):
        answers.append(click_labels(*args, **options))
        return answers[-1]

    monkeypatch.setattr(desk, "click_labels", counted)
    older = desk._clicked(scan, labels, [*walls, scar], pipeline.corrector)
    assert all(older.labels[0, row, 58] in ENHANCEMENT for row in (38, 39, 40, 41, 42))
    assert len(answers) == 1
    newer = desk._clicked(scan, labels, [scar, *walls], pipeline.corrector)
    assert {click.kind for click in newer.clicks} > {Kind.HEALTHY}
    assert newer.labels[0, 38, 58] == Label.LV_MYOCARDIUM
