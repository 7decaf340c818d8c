"""Examinations of series, and how often a service is asked for headers that it does not give."""

import threading
from concurrent.futures import wait

import pytest
from pydicom.dataset import Dataset

from acsnet.errors import PacsError
from acsnet.pacs.examinations import Examinations


@pytest.fixture
def examinations_of(pacs):
    """Makes examinations of what the PACS has, that hold for a while."""
    made = []

    def make(*, kept_s):
        made.append(Examinations(pacs, kept_s=kept_s))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def bad(pacs, patient):
    """What a search tells of a series whose headers the PACS refuses."""
    images = patient()
    pacs.add(images)
    pacs.broken.add(images[0].SeriesInstanceUID)
    header = Dataset()
    header.StudyInstanceUID = images[0].StudyInstanceUID
    header.SeriesInstanceUID = images[0].SeriesInstanceUID
    header.NumberOfSeriesRelatedInstances = len(images)
    return header


def look(examinations, header):
    """One look, which ends when the examination has."""
    examination = examinations.of([header])
    assert wait([examination], 20).done
    return examination


def test_a_series_that_is_refused_is_asked_for_once_within_the_time_that_a_list_is_kept(
    pacs, examinations_of, bad
):
    examinations = examinations_of(kept_s=1000.0)
    assert {type(look(examinations, bad).exception()) for _ in range(100)} == {PacsError}
    assert pacs.count("headers") == 1


def test_a_series_that_is_refused_is_asked_for_after_pauses_that_double(pacs, examinations_of, bad):
    """Even if nothing is kept: 25 doublings of a pause of 1 us are more than half a minute."""
    examinations = examinations_of(kept_s=0.0)
    for _ in range(1000):
        look(examinations, bad)
    assert 1 < pacs.count("headers") <= 27


def test_who_waits_for_a_series_that_was_refused_has_it_asked_for_at_once(
    pacs, examinations_of, bad
):
    examinations = examinations_of(kept_s=1000.0)
    look(examinations, bad)
    pacs.broken.clear()
    examination = examinations.newer([bad])
    assert wait([examination], 20).done
    assert list(examination.result()) == [bad.SeriesInstanceUID]
    assert look(examinations, bad).result() == examination.result()
    assert pacs.count("headers") == 2


def test_while_a_series_is_examined_no_look_asks_for_it_again(
    pacs, examinations_of, bad, monkeypatch
):
    examinations, go_on, headers = examinations_of(kept_s=0.0), threading.Event(), pacs.headers

    def late(study, series):
        assert go_on.wait(20)
        return headers(study, series)

    monkeypatch.setattr(pacs, "headers", late)
    looks = [examinations.of([bad]) for _ in range(100)]
    go_on.set()
    assert wait(looks, 20).done == {looks[0]}
    assert pacs.count("headers") == 1
