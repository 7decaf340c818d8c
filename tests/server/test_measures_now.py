"""When a label map is measured anew, and which warnings on record a list tells without that."""

import threading
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from saved_labels import save_label
from small_scans import drawn, write_scan, write_studies

from acsnet.annotations.reading_details import DetailsStore, ReadingDetails, SavedDetails
from acsnet.quantify.body_size import HEADER_NOT_USED
from acsnet.quantify.quantification import NOTHING
from acsnet.server import measures_now
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.datastores.protocol import LabelRecord, find_record
from acsnet.server.errors import LoadError
from acsnet.server.inference import work_queue
from acsnet.server.measures_now import NOT_ANEW, MeasuresNow, warnings_listed
from acsnet.server.state.paths import DETAILS

SIDE = "the header does not tell anterior from inferior: mark the insertion"
SPOT = "look at slice 3"
HEADER = f"{HEADER_NOT_USED}: height must be 30 to 250 cm, got 17500"
MARK = {"rv_insertion": {5: (100.0, 94.0)}}
SIZE = {"height_cm": 180.0, "weight_kg": 80.0, "body_size_source": "entered"}
SMALLER = {"height_cm": 160.0, "weight_kg": 50.0, "body_size_source": "entered"}
REMOTE = {"remote_region": {1: (5.0, 5.0)}}


@pytest.fixture
def studies(tmp_path):
    return write_studies(tmp_path / "studies", {"a.nii": 0})


@pytest.fixture
def store(make_store):
    return make_store()


@pytest.fixture
def measured(monkeypatch):
    """Ids of the label maps that were measured anew."""
    ids, real = [], measures_now.measured_anew

    def noting(store, image, record, file, *, given):
        ids.append(record.id)
        return real(store, image, record, file, given=given)

    monkeypatch.setattr(measures_now, "measured_anew", noting)
    monkeypatch.setattr(measures_now, "PAGE_WAIT_S", 0.05)
    return ids


@pytest.fixture
def no_place():
    """Other scans are measured already."""
    for _ in range(work_queue.VOLUMES):
        work_queue._volumes.acquire()
    yield
    for _ in range(work_queue.VOLUMES):
        work_queue._volumes.release()


def enter(store, **details):
    entries, scan = DetailsStore(store.folder / DETAILS), store.state_to_keep("a")
    before, _ = entries.read("a", scan=scan)
    shown = "" if before is None else before.moment
    entries.save("a", ReadingDetails(**details), reader="Ada", scan=scan, shown=shown)


def now(store, version):
    return find_record(store.label_records("a"), version.id)


def test_what_was_measured_with_all_that_is_entered_is_not_measured_again(store, measured):
    enter(store, **SIZE, **REMOTE)
    version = save_label(store, "a", drawn(2))
    enter(store, **SIZE, **REMOTE, comment="seen")
    record = now(store, version)
    assert MeasuresNow(store).of("a", record) == record
    assert record.features["height_cm"] == 180.0
    assert measured == []


def test_a_comment_leaves_a_body_size_of_the_header_as_it_is(store, measured):
    version = save_label(store, "a", drawn(2))
    record = now(store, version)
    record = replace(record, features={**record.features, "height_cm": 175.0, "weight_kg": 80.0})
    enter(store, comment="seen")
    assert MeasuresNow(store).of("a", record) == record
    assert measured == []


def test_indices_by_another_body_size_are_told_without_the_scan(store, measured, no_place):
    """180 cm and 80 kg are 2 m2, the root of 180 x 80 / 3600; 160 and 50 are 1.490712."""
    version = save_label(store, "a", drawn(2))
    mass_g = version.features["myocardium_mass_g"]
    assert mass_g > 0
    noted = {**version.features, "warnings": [HEADER, SPOT]}
    for size, surface_m2 in ((SIZE, 2.0), (SMALLER, 1.490712)):
        enter(store, **size)
        record = MeasuresNow(store).of("a", replace(now(store, version), features=noted))
        assert record.features["height_cm"] == size["height_cm"]
        assert record.features["myocardium_mass_g"] == mass_g
        assert record.features["myocardium_mass_index_g_m2"] == pytest.approx(
            mass_g / surface_m2, rel=1e-6
        )
        assert record.warnings == (SPOT,)
    assert measured == []


@pytest.mark.parametrize(
    ("before", "after"),
    [({}, REMOTE), (REMOTE, {}), (REMOTE, {"remote_region": {1: (5.0, 6.0)}}), (SIZE, {})],
)
def test_marks_and_a_size_that_is_taken_back_are_measured_with_once(store, measured, before, after):
    enter(store, **before)
    version = save_label(store, "a", drawn(2))
    enter(store, **after)
    known = MeasuresNow(store)
    first = known.of("a", now(store, version))
    assert known.of("a", now(store, version)) == first
    assert measured == [version.id]
    assert NOT_ANEW not in str(first.warnings)


def test_a_report_names_the_case_and_not_the_file_that_two_patients_have_alike(tmp_path):
    studies = tmp_path / "studies"
    for patient in ("pat1", "pat2"):
        (studies / patient).mkdir(parents=True)
        write_scan(studies / patient / "lge.nii", seed=int(patient[-1]))
    with closing(StudiesDatastore(studies=studies, store=tmp_path / "store")) as store:
        for image in ("pat1_lge", "pat2_lge"):
            record = save_label(store, image, drawn(2))
            assert record.features["case"] == image
            file, record = measures_now.opened(store, image, record)
            measured = measures_now.measured_anew(store, image, record, file, given=NOTHING)
            assert measured.scan.name == image


def test_clocks_do_not_tell_what_a_label_map_was_measured_with(store, measured):
    """It seems to be saved after the mark, by a clock that was set back since."""
    version = save_label(store, "a", drawn(2))
    enter(store, **REMOTE)
    later = datetime.now(timezone.utc).replace(year=2999)
    MeasuresNow(store).of("a", replace(now(store, version), saved=later))
    assert measured == [version.id]


def test_a_page_that_finds_no_place_shows_what_is_on_record(store, measured, no_place):
    version = save_label(store, "a", drawn(2))
    enter(store, **REMOTE)
    record, known = now(store, version), MeasuresNow(store)
    shown = known.of("a", record)
    assert shown.features["methods"] == record.features["methods"]
    assert shown.warnings[-1].startswith(NOT_ANEW)
    with pytest.raises(LoadError):
        known.surely_of("a", record, wait_s=0.05)
    assert measured == []


def test_a_page_is_shown_where_files_cannot_be_read_and_names_no_folder(store, monkeypatch):
    version = save_label(store, "a", drawn(2))
    enter(store, **REMOTE)

    def gone(image, record):
        raise FileNotFoundError(2, "No such file or directory", "/srv/studies/a.nii")

    monkeypatch.setattr(store, "version_uri", gone)
    shown = MeasuresNow(store).of("a", now(store, version))
    assert shown.warnings[-1] == f"{NOT_ANEW}its files cannot be read"


def test_who_asks_at_the_same_time_gets_one_measuring(store, measured, monkeypatch):
    version = save_label(store, "a", drawn(2))
    enter(store, **REMOTE)
    known, record, got = MeasuresNow(store), now(store, version), []
    begun, go_on, real = threading.Event(), threading.Event(), measures_now.measured_anew

    def slow(*args, **options):
        begun.set()
        assert go_on.wait(30)
        return real(*args, **options)

    monkeypatch.setattr(measures_now, "measured_anew", slow)
    ask = [
        threading.Thread(target=lambda: got.append(known.surely_of("a", record))) for _ in range(2)
    ]
    ask[0].start()
    assert begun.wait(30)
    ask[1].start()
    go_on.set()
    for thread in ask:
        thread.join(30)
    assert got[0] == got[1]
    assert measured == [version.id]


def test_one_among_many_is_not_measured(store, measured):
    version = save_label(store, "a", drawn(2))
    enter(store, **REMOTE)
    record, known = now(store, version), MeasuresNow(store)
    assert known.at_once_of("a", record).warnings[-1].startswith(NOT_ANEW)
    assert measured == []
    assert known.at_once_of("a", known.of("a", record)).warnings == known.of("a", record).warnings


@pytest.mark.parametrize(
    ("before", "after", "listed"),
    [
        ({}, MARK, (SPOT,)),  # it may have ended the doubt
        (MARK, MARK, (SIDE, HEADER, SPOT)),
        (MARK, {}, (SPOT,)),  # it was taken back
        (MARK, None, (SPOT,)),
        ({}, SIZE, (SIDE, SPOT)),
        ({}, {"comment": "seen"}, (SIDE, HEADER, SPOT)),
        ({}, None, (SIDE, HEADER, SPOT)),
    ],
)
def test_a_list_leaves_out_what_was_entered_since_and_may_have_ended(before, after, listed):
    given = {"rv_insertion": {"5": [100.0, 94.0]} if before else None, "remote_region": None}
    saved, entered = datetime(2026, 1, 2, tzinfo=timezone.utc), None
    if after is not None:
        entered = SavedDetails(details=ReadingDetails(**after), reader="Ada", saved=saved)
    record = LabelRecord(
        id="1",
        tag="final",
        state="reviewed",
        author="Ada",
        saved=saved,
        features={"given": given, "warnings": [SIDE, HEADER, SPOT]},
    )
    assert warnings_listed(record, entered) == listed
