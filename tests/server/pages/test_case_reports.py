"""What a case page offers of a label map says the same of it, whenever a reader entered what."""

import json
from datetime import datetime, timedelta, timezone
from io import BytesIO
from threading import BoundedSemaphore
from types import SimpleNamespace
from urllib.parse import quote

import numpy as np
import pydicom
import pytest
from markupsafe import escape
from pypdf import PdfReader

from acsnet import __version__
from acsnet.annotations import label_versions
from acsnet.annotations.marks import NOT_USED
from acsnet.annotations.reading_details import DetailsStore, ReadingDetails
from acsnet.io import read_scan, write_label_map
from acsnet.io.label_map import read_labels_on
from acsnet.quantify.features import split_words
from acsnet.quantify.quantification import Given, quantify
from acsnet.report.bullseye import bullseye_png
from acsnet.report.layout.page import new_page
from acsnet.report.wording import number
from acsnet.result import Measured
from acsnet.server.datastores.label_reports import with_given
from acsnet.server.inference import work_queue
from acsnet.server.measures_now import NOT_ANEW
from acsnet.server.state.paths import DETAILS
from acsnet.storage import write_json

pytestmark = pytest.mark.slow

INSERTION = {5: (100.0, 94.0)}


@pytest.fixture(scope="module")
def case(web, samples, tmp_path_factory):
    """get: what the page offers of a label map; put: saves one; truth: labels, apex first."""
    store, folder = web.app.datastore(), tmp_path_factory.mktemp("sent")
    scan = read_scan(store.get_image_uri(web.series))
    file = samples / "truth" / "phantom-1.nii.gz"
    truth = scan.grid.from_input(read_labels_on(file, scan=scan, image=file).astype(np.uint8))

    def put(stack, **params):
        sent = folder / "label.nii.gz"
        write_label_map(sent, scan.grid.to_input(stack), scan.grid)
        answer = web.client.put(
            "/datastore/label",
            params={"image": web.series},
            files={"label": (sent.name, sent.read_bytes())},
            data={"params": json.dumps({"client_id": "Ada", **params})},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(name, version):
        answer = web.client.get(f"/acsnet/cases/{web.series}/{name}", params={"tag": version})
        assert answer.status_code == 200, answer.text
        return answer

    def enter(**details):
        size = {"height_cm": 175.0, "weight_kg": 80.0, "body_size_source": "entered"}
        kept = ReadingDetails(**{**size, **details})
        entries = DetailsStore(web.app.store_folder() / DETAILS)
        before, _ = entries.read(web.series)
        shown = "" if before is None else before.moment
        entries.save(web.series, kept, reader="Ada", shown=shown)

    def page(version):
        answer = web.client.get(f"/acsnet/cases/{web.series}", params={"version": version})
        assert answer.status_code == 200, answer.text
        return answer.text

    # Half of the time of a report, and nothing that is asked here is on that page.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acsnet.report.pdf.slices_page", lambda *_: new_page())
        yield SimpleNamespace(
            web=web, store=store, scan=scan, truth=truth, put=put, get=get, enter=enter, page=page
        )


def text_of(pdf):
    return " ".join(
        " ".join(p.extract_text() for p in PdfReader(BytesIO(pdf.content)).pages).split()
    )


def test_the_date_of_the_sign_off_is_that_of_the_review(case, monkeypatch):
    class Earlier(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(days=21)

    with monkeypatch.context() as then:
        then.setattr(label_versions, "datetime", Earlier)
        version = case.put(case.truth, client_id="Bo")["version"]
    case.store.review(case.web.series, version, by="Dr Reviewer")
    reviewed = datetime.now(timezone.utc).astimezone()
    text = text_of(case.get("report.pdf", version))
    sr = pydicom.dcmread(BytesIO(case.get("measurements.dcm", version).content)).to_json()
    page = case.web.client.get(f"/acsnet/cases/{case.web.series}?version={version}").text
    which = page.partition('<p class="which">')[2].partition("</p>")[0]
    saved = reviewed - timedelta(days=21)
    assert f"{reviewed:%Y-%m-%d}" in text
    assert f"{saved:%Y-%m-%d}" not in text
    assert f"{reviewed:%Y-%m-%d}" in sr
    assert f"{saved:%Y-%m-%d}" not in sr
    assert f"{reviewed:%Y-%m-%d}" in which


def test_the_report_of_a_label_map_out_of_use_says_so_and_why(case):
    assert case.web.client.post(f"/acsnet/cases/{case.web.series}/segment").status_code == 303
    drafts = {"Cy": "original", "Di": case.put(case.truth, client_id="Ana")["version"]}
    for by, version in drafts.items():
        kept = case.store.withdraw(case.web.series, version, by=by, reason="apex is missing")
        text = text_of(case.get("report.pdf", kept.id))
        assert f"Status: withdrawn by {by}: not to be used" in text
        assert "apex is missing" in text


def test_the_report_of_a_replaced_label_map_says_that_another_is_valid(case):
    first, second = (
        case.put(case.truth, client_id=name, state="reviewed")["version"] for name in ("Ida", "Joe")
    )
    status = "Status: reviewed, accepted by"
    assert f"{status} Ida: a newer label map is valid" in text_of(case.get("report.pdf", first))
    assert f"{status} Joe Patient" in text_of(case.get("report.pdf", second))


def test_measures_are_the_same_in_all_whether_a_mark_came_before_or_after(case):
    before = case.put(case.truth, client_id="Cy")["version"]
    assert case.get("features.json", before).json()["rv_insertion"]["source"] == "automatic"
    case.enter(rv_insertion=INSERTION)
    after = case.put(case.truth, client_id="Di")["version"]
    (record,) = [one for one in case.store.label_records(case.web.series) if one.id == after]
    first, second = (case.get("features.json", one).json() for one in (before, after))
    for key in ("rv_insertion", "segments", "body_surface_area_m2", "myocardium_mass_index_g_m2"):
        assert first[key] == second[key] == record.features[key]
    assert first["rv_insertion"]["source"] == "given"
    drawn = bullseye_png(record.features)
    assert case.get("bullseye.png", before).content == drawn
    assert case.get("bullseye.png", after).content == drawn
    assert "1.97 m" in text_of(case.get("report.pdf", before))


def test_a_mark_that_was_taken_back_is_not_in_the_bullseye_where_nothing_is_entered(case):
    case.enter(rv_insertion=INSERTION)
    marked = case.put(case.truth, client_id="Hal")["version"]
    before = case.get("bullseye.png", marked).content
    case.enter(height_cm=None, weight_kg=None, body_size_source=None)
    assert case.get("features.json", marked).json()["rv_insertion"]["source"] == "automatic"
    assert case.get("bullseye.png", marked).content != before


def test_a_body_size_that_was_corrected_or_taken_back_is_so_everywhere(case):
    """175 cm and 80 kg are 1.97 m2, 160 and 50 are 1.49: the root of 160 x 50 / 3600."""
    case.enter()
    label = case.put(case.truth, client_id="Max")["version"]
    mass_g = case.get("features.json", label).json()["myocardium_mass_g"]
    smaller = pytest.approx(mass_g / 1.490712, rel=1e-5)
    for given, index in (((160.0, 50.0), smaller), ((None, None), None)):
        size = {"height_cm": given[0], "weight_kg": given[1]}
        case.enter(**size, body_size_source=None if index is None else "entered")
        listed = case.web.client.get(f"/acsnet/cases/{case.web.series}/versions.json").json()
        (noted,) = [one["features"] for one in listed if one["version"] == label]
        for features in (noted, case.get("features.json", label).json()):
            assert features.items() >= size.items()
            assert features["myocardium_mass_index_g_m2"] == index
        report, page = text_of(case.get("report.pdf", label)), case.page(label)
        assert ("160 cm, 50 kg" in report) == (index is not None)
        assert "175 cm" not in report
        assert ("g/m" in page.partition('id="measures-open"')[2].partition("</table>")[0]) == (
            index is not None
        )


def test_an_inference_answers_with_the_measures_of_the_draft_that_it_keeps(case):
    case.enter(rv_insertion=INSERTION)
    asked = {"image": case.web.series, "output": "json"}
    answer = case.web.client.post("/infer/acsnet", params=asked).json()
    assert answer["features"]["rv_insertion"]["source"] == "given"
    assert answer["features"]["height_cm"] == 175.0
    draft = next(r for r in case.store.label_records(case.web.series) if r.tag == "original")
    assert answer["features"] == draft.features


def test_a_draft_without_a_ventricle_has_its_measures_and_neither_report_nor_acceptance(case):
    (image,) = [name for name in case.store.list_images() if "<i>" in name]
    scan = read_scan(case.store.get_image_uri(image))
    nothing = np.zeros(scan.pixels.shape, np.uint8)
    measures = quantify(scan, nothing)
    empty = Measured(
        scan=scan, labels=nothing, quantification=measures, warnings=(), weights={}, seconds={}
    )
    case.store.keep_draft(image, empty, "test")
    size = ReadingDetails(height_cm=170.0, weight_kg=70.0, body_size_source="entered")
    state = case.store.state_to_keep(image)
    DetailsStore(case.store.folder / DETAILS).save(image, size, reader="Ada", scan=state)
    address, tag = f"/acsnet/cases/{quote(image)}", {"tag": "original"}
    features = case.web.client.get(f"{address}/features.json", params=tag)
    assert features.json()["lv_volume_ml"] is None
    assert case.web.client.get(f"{address}/report.pdf", params=tag).status_code == 404
    page = case.web.client.get(address).text
    assert "features.json?" in page
    assert "report.pdf?" not in page
    assert 'id="reject"' in page
    assert 'id="accept"' not in page


def test_no_two_label_maps_of_a_case_are_downloaded_under_one_name(case, monkeypatch):
    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(seconds=61)

    versions = [case.put(case.truth, client_id="Ned")["version"]]
    monkeypatch.setattr(label_versions, "datetime", Later)
    versions.append(case.put(case.truth, client_id="Oda")["version"])
    names = {case.get("report.pdf", one).headers["content-disposition"] for one in versions}
    assert len(names) == 2


def test_a_mark_that_a_label_map_cannot_use_is_a_warning_of_it(case):
    number = case.scan.grid.slice_number(0)
    case.enter(rv_insertion={number: (60.0, 90.0)}, remote_region={number: (5.0, 5.0)})
    corrected = case.truth.copy()
    corrected[0][corrected[0] == 1] = 2
    saved = case.put(corrected, client_id="Ed")
    notes = [note for note in saved["warnings"] if note.startswith(NOT_USED)]
    assert ["blood pool" in note for note in notes] == [True, False]
    measures = case.get("features.json", saved["version"]).json()
    assert set(notes) <= set(measures["warnings"])
    assert measures["rv_insertion"]["source"] == measures["remote"]["source"] == "automatic"
    assert "slice 1, which has no blood pool" in text_of(case.get("report.pdf", saved["version"]))
    case.enter(rv_insertion=INSERTION)
    measures = case.get("features.json", saved["version"]).json()
    assert measures["rv_insertion"]["source"] == "given"
    assert not [note for note in measures["warnings"] if note.startswith(NOT_USED)]
    assert "blood pool: slices" not in text_of(case.get("report.pdf", saved["version"]))
    case.enter(height_cm=None, weight_kg=None, body_size_source=None)
    assert NOT_USED not in str(case.get("features.json", saved["version"]).json()["warnings"])
    assert str(escape(NOT_USED)) not in case.page(saved["version"])


def test_a_draft_of_the_networks_is_measured_with_what_was_entered_before(case):
    number = case.scan.grid.slice_number(0)
    case.enter(rv_insertion=INSERTION, remote_region={number: (5.0, 5.0)})
    assert case.web.client.post(f"/acsnet/cases/{case.web.series}/segment").status_code == 303
    draft = next(r for r in case.store.label_records(case.web.series) if r.tag == "original")
    assert draft.features["rv_insertion"]["source"] == "given"
    assert draft.features["scar_method"] == "remote"
    assert [note.startswith(NOT_USED) for note in draft.warnings].count(True) == 1
    measures = case.get("features.json", "original").json()
    for key in ("rv_insertion", "segments", "scar_method", "scar_threshold", "methods"):
        assert measures[key] == draft.features[key]


def test_report_and_sr_of_a_draft_say_the_same_of_what_split_its_scar(case):
    assert case.web.client.post(f"/acsnet/cases/{case.web.series}/segment").status_code == 303
    words = split_words(case.get("features.json", "original").json())
    assert words.startswith("Core scar as segmented: signal from")
    assert words in text_of(case.get("report.pdf", "original"))
    sr = pydicom.dcmread(BytesIO(case.get("measurements.dcm", "original").content)).to_json()
    assert words in sr
    assert "as drawn." not in sr


def test_a_label_says_of_which_release_the_networks_are_whose_draft_it_began_from(case):
    assert case.web.client.post(f"/acsnet/cases/{case.web.series}/segment").status_code == 303
    saved = case.put(case.truth, client_id="Lu")
    assert saved["model"] == f"shipped {__version__}"


def test_measures_of_an_earlier_version_are_not_given_for_those_of_now(case):
    """Nor a part of both: all says of which version it is."""
    case.enter(height_cm=None, weight_kg=None, body_size_source=None)
    label = case.put(case.truth, client_id="Kim")["version"]
    now = case.get("features.json", label).json()
    earlier = {"schema": 4, "scar_transmurality_percent": 99.0}
    (file,) = case.web.app.store_folder().glob(f"versions/*/{label}.json")
    record = json.loads(file.read_text())
    record["features"] |= {**earlier, "software": {"acsnet": "0.2.0", "weights_sha256": {}}}
    write_json(file, record)
    (noted,) = [one for one in case.store.label_records(case.web.series) if one.id == label]
    assert noted.features.items() >= earlier.items()
    assert case.get("features.json", label).json() == {**now, "seconds": noted.features["seconds"]}
    assert "99 %" not in text_of(case.get("report.pdf", label))
    first = now["myocardium_volume_ml"]
    assert f"{number(first, 1)}</td><td>ml" in case.page(label)


def test_a_case_is_shown_while_there_is_no_place_to_measure_in(case, monkeypatch):
    case.enter()
    labels = [case.put(case.truth, client_id=name)["version"] for name in ("Pia", "Quy")]
    case.enter(rv_insertion=INSERTION)
    monkeypatch.setattr(work_queue, "_volumes", BoundedSemaphore(1))
    with work_queue.volume_place():
        pages = [case.page(label) for label in labels]
        listed = case.web.client.get(f"/acsnet/cases/{case.web.series}/versions.json").json()
    of_labels = [str(item["features"]["warnings"]) for item in listed if item["version"] in labels]
    assert [NOT_ANEW in text for text in (*pages, *of_labels)] == [True] * 4


def test_a_scan_without_a_ventricle_stays_as_it_was_measured(case):
    empty = SimpleNamespace(labels=np.zeros((3, 4, 4), np.uint8))
    assert with_given(empty, Given(rv_insertion_by_slice=INSERTION)) is empty
