import time

import numpy as np
import pytest
import requests

from acsnet.dicom.seg_write import make_seg
from acsnet.errors import PacsError
from acsnet.io.series import patient_of
from acsnet.pacs.config import PacsSettings
from acsnet.pacs.worklist import WorkList

pytestmark = pytest.mark.slow


def seg_on(images, *, state, creator="Reader^A", time="120000"):
    labels = np.zeros((len(images), images[0].Rows, images[0].Columns), np.uint8)
    labels[1, 5:9, 5:9] = 2
    kind = "AUTOMATIC" if state == "draft" else "MANUAL"
    seg = make_seg(labels, images, state=state, algorithm_type=kind, creator=creator)
    seg.ContentTime = time
    return seg


def uid_of(series):
    return series[0].SeriesInstanceUID


def test_lge_series_are_listed_and_others_are_not(pacs, worklist, patient):
    lge, cine = patient(uid="1"), patient(uid="2", SeriesDescription="cine SA")
    pacs.add(lge, cine, patient(uid="3", Modality="CT"))
    assert list(worklist.entries()) == [uid_of(lge)]
    entry = worklist.entry(uid_of(lge))
    assert (entry.state, bool(entry.examination), entry.known.reason) == ("new", True, None)
    assert len(entry.known.instances) == 8
    assert worklist.entry(uid_of(cine)) is None


def test_pixels_are_not_fetched_for_the_list(pacs, worklist, patient):
    pacs.add(patient())
    worklist.entry(uid_of(patient()))
    assert pacs.count("instance") == 0


def test_each_broken_series_gives_its_reason(pacs, worklist, broken_series):
    pacs.add(*(series for series, _ in broken_series.values()))
    for series, reason in broken_series.values():
        entry = worklist.entry(uid_of(series))
        assert entry.state == "refused"
        assert reason in entry.known.reason
    states = [entry.state for entry in worklist.entries().values()]
    assert states.count("refused") == len(broken_series)


def test_the_state_follows_the_segmentations(pacs, worklist, patient):
    images = patient()
    pacs.add(images, patient(2))
    assert worklist.entry(uid_of(images)).state == "new"
    pacs.add([seg_on(images, state="draft")])
    worklist.invalidate()
    assert worklist.entry(uid_of(images)).state == "draft"
    pacs.add([seg_on(images, state="reviewed")])
    worklist.invalidate()
    assert worklist.entry(uid_of(images)).state == "reviewed"
    assert worklist.entry(uid_of(patient(2))).state == "new"


def test_a_newer_draft_is_no_label_and_the_newest_reviewed_one_wins(pacs, worklist, patient):
    images = patient()
    first = seg_on(images, state="reviewed", creator="A", time="100000")
    second = seg_on(images, state="reviewed", creator="B", time="110000")
    draft = seg_on(images, state="draft", creator="ACSNet", time="120000")
    pacs.add(images, [second], [first], [draft])
    entry = worklist.entry(uid_of(images))
    assert entry.newest("reviewed").instance == second.SOPInstanceUID
    assert entry.newest("draft").instance == draft.SOPInstanceUID
    assert [one.author for one in entry.annotations] == ["ACSNet", "B", "A"]


def test_a_segmentation_of_another_series_of_the_study_is_not_taken(pacs, worklist, patient):
    images, others = patient(uid="1"), patient(uid="2")
    assert images[0].StudyInstanceUID == others[0].StudyInstanceUID
    pacs.add(images, others, [seg_on(others, state="reviewed")])
    assert worklist.entry(uid_of(others)).state == "reviewed"
    entry = worklist.entry(uid_of(images))
    assert (entry.state, entry.annotations) == ("new", ())


def test_a_list_is_kept_and_a_save_makes_it_new(pacs, worklist, patient):
    pacs.add(patient())
    for _ in range(3):
        worklist.entry(uid_of(patient()))
    assert pacs.count("headers") == 1
    searches = pacs.count("search")
    worklist.entries()
    assert pacs.count("search") == searches
    worklist.invalidate()
    worklist.entries()
    assert pacs.count("search") == 2 * searches
    assert pacs.count("headers") == 1


def test_a_list_grows_old(pacs, patient, tmp_path):
    settings = PacsSettings(url=pacs.address, cache_seconds=0.0)
    worklist = WorkList(pacs, settings, cache=tmp_path)
    worklist.entries()
    pacs.add(patient())
    end = time.monotonic() + 20
    while list(worklist.entries()) != [uid_of(patient())]:
        assert time.monotonic() < end
    worklist.close()


def test_an_image_that_comes_later_is_noticed(pacs, worklist, patient):
    images = patient()
    pacs.add(images[:-1])
    assert len(worklist.entry(uid_of(images)).known.instances) == 7
    pacs.add(images[-1:])
    worklist.invalidate()
    assert len(worklist.entry(uid_of(images)).known.instances) == 8


def test_the_choice_between_two_reconstructions_is_stated(pacs, worklist, patient):
    magnitude = patient(uid="1", ImageType=["ORIGINAL", "PRIMARY", "M"])
    sensitive = patient(uid="2", ImageType=["ORIGINAL", "PRIMARY", "R"])
    pacs.add(magnitude, sensitive)
    for series in (magnitude, sensitive):
        worklist.entry(uid_of(series))
    entries = worklist.entries()
    assert entries[uid_of(sensitive)].choice.preferred
    assert not entries[uid_of(magnitude)].choice.preferred


def test_a_service_that_fails_says_nothing_of_the_series(pacs, worklist, patient):
    pacs.add(patient())
    pacs.broken = {"headers"}
    with pytest.raises(PacsError):
        worklist.entry(uid_of(patient()))
    assert not worklist.entries()[uid_of(patient())].examination
    pacs.broken = set()
    assert worklist.entry(uid_of(patient())).state == "new"


def test_the_list_is_not_made_anew_for_each_look_while_a_series_is_not_given(
    pacs, worklist, patient
):
    """A page looks many times a scan; `test_examinations.py` counts what is asked for."""
    sound, bad = patient(1), patient(2)
    pacs.add(sound, bad)
    pacs.broken.add(uid_of(bad))
    assert worklist.entry(uid_of(sound)).examination
    lists = [worklist.entries() for _ in range(100)]
    assert len({id(entries) for entries in lists}) <= 2  # one may grow old meanwhile


def test_a_series_that_trips_the_program_is_refused_and_the_others_listed(
    pacs, worklist, patient, monkeypatch
):
    pacs.add(patient(1), patient(2))
    trips = uid_of(patient(1))
    headers = pacs.headers

    def stumble(study, series):
        if series == trips:
            raise KeyError
        return headers(study, series)

    monkeypatch.setattr(pacs, "headers", stumble)
    assert "the log has details" in worklist.entry(trips).known.reason
    assert worklist.entry(uid_of(patient(2))).state == "new"


def test_a_segmentation_that_cannot_be_read_does_not_hide_the_list(pacs, worklist, patient):
    images = patient()
    seg = seg_on(images, state="reviewed")
    pacs.add(images, [seg])
    pacs.broken = {seg.SeriesInstanceUID}
    assert worklist.entries()[uid_of(images)].state == "new"
    pacs.broken = set()
    worklist.invalidate()
    assert worklist.entry(uid_of(images)).state == "reviewed"


NUMBER = "NumberOfSeriesRelatedInstances"


@pytest.fixture
def forgetful(pacs, tmp_path):
    """A work list that keeps nothing it need not keep."""
    worklist = WorkList(
        pacs, PacsSettings(url=pacs.address, cache_seconds=0.0), cache=tmp_path / "images"
    )
    yield worklist
    worklist.close()


def test_a_scan_that_was_half_sent_grows_where_no_number_of_images_is_told(
    pacs, forgetful, patient
):
    images = patient()
    pacs.untold = {NUMBER}
    pacs.add(images[:4])
    assert len(forgetful.entry(uid_of(images)).known.instances) == 4
    pacs.add(images[4:])
    assert len(forgetful.entry(uid_of(images)).known.instances) == 8


def test_it_grows_in_the_list_too_when_nobody_waits_for_it(pacs, forgetful, patient):
    images = patient()
    pacs.untold = {NUMBER}
    pacs.add(images[:4])
    assert len(forgetful.entry(uid_of(images)).known.instances) == 4
    pacs.add(images[4:])
    end = time.monotonic() + 20
    while len(forgetful.entries()[uid_of(images)].known.instances) < 8:
        assert time.monotonic() < end


def test_headers_are_not_read_again_within_the_time_that_the_list_is_kept(pacs, worklist, patient):
    pacs.untold = {NUMBER}
    pacs.add(patient())
    for _ in range(3):
        worklist.entry(uid_of(patient()))
        worklist.invalidate()
    assert pacs.count("headers") == 1


def test_what_is_known_of_a_scan_holds_while_it_cannot_be_read_again(pacs, forgetful, patient):
    pacs.untold = {NUMBER}
    pacs.add(patient())
    assert len(forgetful.entry(uid_of(patient())).known.instances) == 8
    pacs.broken = {"headers"}
    assert len(forgetful.entry(uid_of(patient())).known.instances) == 8
    assert forgetful.entries()[uid_of(patient())].examination


def test_a_segmentation_that_joins_a_series_is_noticed_without_its_number(pacs, forgetful, patient):
    images = patient()
    draft, reviewed = seg_on(images, state="draft"), seg_on(images, state="reviewed")
    reviewed.SeriesInstanceUID = draft.SeriesInstanceUID
    pacs.untold = {NUMBER}
    pacs.add(images, [draft])
    assert forgetful.entry(uid_of(images)).state == "draft"
    pacs.add([reviewed])
    end = time.monotonic() + 20
    while forgetful.entry(uid_of(images)).state != "reviewed":
        assert time.monotonic() < end


def test_the_images_tell_whose_a_scan_is_where_a_search_does_not(pacs, worklist, patient):
    images = patient(PatientID="4711", PatientName="Doe^Jane", StudyDate="20260102")
    pacs.untold = {"PatientID"}
    pacs.add(images)
    entry = worklist.entry(uid_of(images))
    told = [entry.text(tag) for tag in ("PatientID", "PatientName", "StudyDate")]
    assert told == ["4711", "Doe^Jane", "20260102"]
    assert patient_of(entry) == "4711"


def test_what_a_search_tells_is_kept(pacs, worklist, patient):
    images = patient(PatientID="4711")
    pacs.add(images)
    search = pacs.search_series

    def other_patient(keys, **options):
        found = search(keys, **options)
        for header in found:
            header.PatientID = "merged"
        return found

    pacs.search_series = other_patient
    assert worklist.entry(uid_of(images)).text("PatientID") == "merged"


def test_a_list_that_the_service_cuts_says_so(pacs, worklist, patient):
    pacs.add(patient())
    worklist.entries()
    assert worklist.fault == ""
    pacs.cut = "it does not tell all series"
    worklist.invalidate()
    assert list(worklist.entries()) == [uid_of(patient())]
    assert "it does not tell all series" in worklist.fault


def test_a_search_key_of_a_series_hides_no_labels(pacs, patient, tmp_path, monkeypatch):
    images = patient(StudyDate="20260102")
    pacs.add(images, [seg_on(images, state="reviewed")])
    search, asked = pacs.search_series, []

    def note(keys, **options):
        asked.append(dict(keys))
        return search({"Modality": keys["Modality"]}, **options)

    monkeypatch.setattr(pacs, "search_series", note)
    keys = {"StationName": "MR1", "00080020": "20260102"}
    settings = PacsSettings(url=pacs.address, search=tuple(keys.items()))
    worklist = WorkList(pacs, settings, cache=tmp_path)
    assert worklist.entry(uid_of(images)).state == "reviewed"
    worklist.close()
    assert asked == [
        {**keys, "Modality": "MR"},
        {**keys, "Modality": "OT"},
        {"00080020": "20260102", "Modality": "SEG"},
    ]


def test_no_labels_are_searched_for_where_there_are_no_scans(pacs, worklist):
    assert worklist.entries() == {}
    assert pacs.asked == [("search", "MR"), ("search", "OT")]


@pytest.fixture
def says_404(pacs, monkeypatch):
    """Kinds of series for which a search is answered with HTTP 404."""
    search, kinds = pacs.search_series, {"OT", "SEG"}

    def answer(keys, **options):
        if keys["Modality"] in kinds:
            response = requests.Response()
            response.status_code = 404
            raise PacsError from requests.HTTPError(response=response)
        return search(keys, **options)

    monkeypatch.setattr(pacs, "search_series", answer)
    return kinds


def test_404_means_none_where_the_service_has_answered_before(pacs, worklist, patient, says_404):
    pacs.add(patient())
    assert list(worklist.entries()) == [uid_of(patient())]
    assert worklist.fault == ""


def test_404_for_mr_may_be_a_wrong_address(pacs, worklist, patient, says_404):
    says_404.add("MR")
    with pytest.raises(PacsError):
        worklist.entries()


def test_series_that_cannot_be_listed_are_told_of(pacs, worklist, patient):
    first, second = patient(uid="1"), patient(2, uid="2")
    for image in second:
        image.SeriesInstanceUID = "x"
    pacs.add(first, second)
    assert list(worklist.entries()) == [uid_of(first)]
    assert worklist.fault == "1 LGE series have no valid StudyInstanceUID or SeriesInstanceUID"
