"""Which segmentation is the newest, whatever clocks, time zones and UIDs say."""

import time
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from acsnet.dicom.seg_write import make_seg
from acsnet.pacs import annotations
from acsnet.pacs.annotations import Annotation, after_all, annotation_of, newest_first, set_date
from acsnet.pacs.archive import Companions
from acsnet.quantify.features import compute_features

A_MOMENT = timedelta(microseconds=1)


def utc(*date):
    return datetime(*date, tzinfo=timezone.utc)


@pytest.fixture
def clock(monkeypatch):
    """Sets the clock by which labels are dated."""

    def show(moment):
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return moment.astimezone(tz)

        monkeypatch.setattr(annotations, "datetime", Clock)

    return show


@pytest.fixture
def in_berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def seg(patient):
    images = patient()
    labels = np.zeros((8, images[0].Rows, images[0].Columns), np.uint8)
    labels[3, 5:9, 5:9] = 2

    def make(date, hour, offset=None):
        dataset = make_seg(labels, images, state="reviewed", algorithm_type="MANUAL", creator="Ana")
        dataset.ContentDate, dataset.ContentTime = date, hour
        if offset is not None:
            dataset.TimezoneOffsetFromUTC = offset
        return dataset

    return make


def drawn(made_at, instance, *, ours=True):
    return Annotation(
        state="reviewed",
        author="Ana",
        made_at=made_at,
        study="1",
        series="2",
        instance=instance,
        of_series=("3",),
        ours=ours,
    )


def test_the_newest_comes_first(seg):
    written = [("20260101", "120000"), ("20260102", "0900"), ("20260101", "120000.5")]
    ordered = newest_first([annotation_of(seg(*date)) for date in written])
    assert [label.made_at.replace(tzinfo=None) for label in ordered] == [
        datetime(2026, 1, 2, 9),
        datetime(2026, 1, 1, 12, 0, 0, 500000),
        datetime(2026, 1, 1, 12),
    ]


@pytest.mark.parametrize(
    ("date", "hour", "offset", "made_at"),
    [
        ("20261025", "025000", "+0200", utc(2026, 10, 25, 0, 50)),
        ("20261025", "021000", "+0100", utc(2026, 10, 25, 1, 10)),
        ("20261231", "230000", "-0330", utc(2027, 1, 1, 2, 30)),
        ("20260701", "120000", None, utc(2026, 7, 1, 10)),  # other software: of this machine
        ("20260701", "120000", "CEST", utc(2026, 7, 1, 10)),
        ("20260701", "12", "+0000", utc(2026, 7, 1, 12)),
        ("20260701", "12:00", "+0000", utc(2026, 7, 1)),  # of versions of DICOM before 3
        ("20260701", "", "+0000", utc(2026, 7, 1)),
        ("00010101", "000000", "+0200", None),
        ("2026", "120000", None, None),
    ],
)
def test_a_seg_was_made_at_its_time_in_its_time_zone(in_berlin, seg, date, hour, offset, made_at):
    assert annotation_of(seg(date, hour, offset)).made_at == made_at


def test_a_date_is_written_in_the_time_zone_of_the_images(in_berlin, seg):
    dataset, moment = seg("20200101", "12"), utc(2026, 10, 25, 0, 50, 0, 7)
    tags = "ContentDate", "ContentTime", "SeriesTime", "TimezoneOffsetFromUTC"
    for offset, written in (
        ("", ("20261025", "025000.000007", "025000.000007", "+0200")),
        ("-0330", ("20261024", "212000.000007", "212000.000007", "-0330")),
    ):
        set_date(dataset, moment, offset=offset)
        assert tuple(dataset[tag].value for tag in tags) == written
        assert annotation_of(dataset).made_at == moment


@pytest.mark.parametrize("ours", [True, False])
def test_dates_that_a_clock_has_not_reached_yet_decide_among_themselves(clock, ours):
    clock(utc(2026, 11, 20))
    later, earlier = utc(2026, 11, 28), utc(2026, 11, 27)
    labels = [drawn(earlier, "1.9", ours=ours), drawn(later, "1.3", ours=ours)]
    assert [label.made_at for label in newest_first(labels)] == [later, earlier]


def test_a_clock_that_is_behind_takes_no_label_of_ours_out_of_order(clock):
    clock(utc(2026, 11, 20))
    draft, label, newest = (drawn(utc(2026, 11, day), "1.5") for day in (10, 28, 29))
    assert newest_first([label, draft, newest]) == (newest, label, draft)
    assert after_all([label, draft, newest]) == utc(2026, 11, 29) + A_MOMENT


def test_nothing_is_dated_after_what_other_software_dates_years_ahead(clock):
    clock(utc(2026, 11, 20))
    label, ahead = drawn(utc(2026, 11, 20, 0, 10), "1"), drawn(utc(2099, 1, 1), "2", ours=False)
    made_at = after_all([label, ahead, drawn(None, "3", ours=False)])
    assert made_at == utc(2026, 11, 20, 0, 10) + A_MOMENT
    assert newest_first([label, ahead, drawn(made_at, "0")])[0].instance == "0"
    assert after_all([ahead]) == after_all([]) == utc(2026, 11, 20)


@pytest.mark.parametrize(
    ("set_to", "made_at"),
    [
        (utc(2026, 10, 25, 1, 10), utc(2026, 10, 25, 1, 10)),  # 02:10 again, an hour later
        (utc(2026, 10, 25, 0, 10), utc(2026, 10, 25, 0, 50) + A_MOMENT),
        (utc(2001, 1, 1), utc(2026, 10, 25, 0, 50) + A_MOMENT),
    ],
)
def test_a_correction_is_the_valid_label_whatever_happened_to_the_clock(
    archive, pacs, patient, clock, in_berlin, set_to, made_at
):
    images = patient()
    pacs.add(images)
    uid = images[0].SeriesInstanceUID
    voxel_ml = archive.read(uid)[0].voxel_ml

    def save(author, value):
        labels = np.zeros((images[0].Columns, images[0].Rows, len(images)), np.uint8)
        labels[4:9, 5:8, 2:4] = value
        companions = Companions(
            features=compute_features(labels, voxel_ml), segments=(), pdf=lambda _: b"%PDF-1.4"
        )
        archive.store_drawn(uid, labels, companions, author=author, state="reviewed")

    clock(utc(2026, 10, 25, 0, 50))  # 02:50, before the clocks of Berlin go back
    save("ada", 3)
    clock(set_to)
    save("bob", 2)
    for now in (set_to, utc(2026, 10, 26)):
        clock(now)
        archive.worklist.invalidate()
        bob, ada = archive.entry(uid).annotations
        assert (bob.author, bob.made_at) == ("bob", made_at)
        assert (ada.author, ada.made_at) == ("ada", utc(2026, 10, 25, 0, 50))
