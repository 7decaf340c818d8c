"""A label map gets the same warnings by every way in, wherever a person looks."""

import json
import time
from io import BytesIO
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pypdf import PdfReader

from acsnet.annotations import audit_log
from acsnet.annotations.label_versions import VersionStore
from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.source_images import source_stack
from acsnet.io import read_scan, write_label_map
from acsnet.labels import Label
from acsnet.pacs.config import PacsSettings
from acsnet.server.datastores.label_intake import accept_file
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.identity import Person, Role, request_of
from acsnet.server.pages.case_reports import report
from acsnet.server.pages.cases import State, build_case
from acsnet.server.pages.routes import case_page
from acsnet.server.routes.labels import withdraw
from acsnet.server.state.paths import audit_log_file
from acsnet.server.web.shown_versions import ShownVersions

pytestmark = pytest.mark.slow

FILLED = 4
"""Number of the slice, as in the file, that is filled with core scar."""

FLAGS = {
    "scar_outside_wall": f"scar lies outside the wall in slice {FILLED}",
    "cavity_missing": f"there is no blood pool in slice {FILLED}, where the wall is a ring or the "
    "slices on both sides have one",
    "cavity_scarred": f"scar fills the cavity in slice {FILLED}, where the slices next to it have "
    "blood",
    "wall_filled": f"the wall in slice {FILLED} is a disc without a cavity, too large for the apex",
    "wall_all_scar": f"all of the wall is scar in slice {FILLED}, and far less of it in the slices "
    "next to it",
}
WARNINGS = set(FLAGS.values())


def drawn_on(folder, samples):
    """Phantom 1 as read from a folder or file, and its true labels with one slice filled."""
    scan = read_scan(folder)
    truth = np.asarray(nib.load(samples / "truth" / "phantom-1.nii.gz").dataobj, np.uint8)
    nifti = read_scan(samples / "nifti" / "phantom-1.nii.gz")
    stack = nifti.grid.from_input(truth).copy()
    filled = len(stack) - FILLED if scan.grid.reversed_slices else FILLED - 1
    stack[filled][stack[filled] > 0] = Label.CORE_SCAR
    return scan, scan.grid.to_input(stack)


def save(web, image, path, samples, tmp_path):
    """Save as 3D Slicer does; the answer that it shows."""
    scan, labels = drawn_on(path, samples)
    write_label_map(tmp_path / "sent.nii.gz", labels, scan.grid)
    answer = web.client.put(
        "/datastore/label",
        params={"image": image},
        data={"params": json.dumps({"client_id": "Ana", "state": "reviewed"})},
        files={"label": ("label.nii.gz", (tmp_path / "sent.nii.gz").read_bytes())},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def text_of(pdf):
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


def test_slicer_is_told_when_it_saves_on_a_nifti_file(web, samples, tmp_path):
    image = "a & <i>b"
    answer = save(web, image, web.studies / f"{image}.nii.gz", samples, tmp_path)
    assert set(answer["warnings"]) >= WARNINGS
    (record,) = web.app.datastore().label_records(image)
    assert list(record.warnings) == answer["warnings"]
    kept = {flag["flag"]: flag["message"] for flag in record.features["quality"]}
    assert kept.items() >= FLAGS.items()


def test_a_segmentation_in_the_folder_store_tells_it_on_page_report_and_sr(web, samples, tmp_path):
    answer = save(web, web.series, web.studies / "phantom-1", samples, tmp_path)
    assert set(answer["warnings"]) >= WARNINGS
    address = f"/acsnet/cases/{web.series}"
    page = web.client.get(address).text
    report = text_of(web.client.get(f"{address}/report.pdf?tag=final").content)
    sr = pydicom.dcmread(BytesIO(web.client.get(f"{address}/measurements.dcm?tag=final").content))
    for warning in WARNINGS:
        assert warning in page
        assert warning in report
        assert warning in sr.to_json()


@pytest.fixture
def archive(pacs, patient, samples, tmp_path, monkeypatch):
    """A server on a PACS with phantom 1, `image`; scan, labels: what is drawn on it; view: stores
    that as a viewer does.
    """
    monkeypatch.setattr("acsnet.pacs.archive.DicomWeb", lambda _: pacs)
    images = patient()
    pacs.add(images)
    settings = PacsSettings(url=pacs.address, cache_seconds=0.0)
    datastore = DicomWebDatastore(settings, store=tmp_path / "store")
    image = str(images[0].SeriesInstanceUID)
    scan, labels = drawn_on(datastore.get_image_uri(image), samples)

    def store_from_viewer():
        """As stock OHIF stores what was edited in it: segments by our names, nothing else."""
        seg = make_seg(
            scan.grid.from_input(labels),
            source_stack(scan, images),
            state="reviewed",
            algorithm_type="MANUAL",
            creator="Reader^A",
        )
        seg.Manufacturer, seg.ContentLabel = "Unspecified", "SEGMENTATION"
        seg.SeriesDescription = "Research Derived series"
        pacs.add([seg])

    yield SimpleNamespace(
        app=SimpleNamespace(
            datastore=lambda: datastore,
            store_folder=lambda: tmp_path / "store",
            shown_versions=ShownVersions(),
        ),
        datastore=datastore,
        image=image,
        scan=scan,
        labels=labels,
        view=store_from_viewer,
    )
    datastore.close()


def shown(archive):
    """The warnings of the label that holds, once there are measures of it."""
    end = time.monotonic() + 30
    while True:
        records = archive.datastore.label_records(archive.image)
        held = next((one for one in records if one.tag == "final"), None)
        if held is not None and held.features:
            return set(held.warnings)
        assert time.monotonic() < end
        time.sleep(0.05)


def wait_until_listed(archive):
    """A look at a page waits half a second for the archive, which is little on a busy machine."""
    end = time.monotonic() + 30
    while not archive.datastore.label_records(archive.image):
        assert time.monotonic() < end
        archive.datastore.status()
        time.sleep(0.05)


def test_what_stock_ohif_stores_is_in_the_work_list_with_its_warnings(archive):
    archive.view()
    archive.datastore.refresh()  # as the server does when a viewer has stored something
    assert shown(archive) >= WARNINGS
    (case,) = [build_case(archive.datastore, image) for image in archive.datastore.list_images()]
    assert case.state is State.REVIEWED
    assert set(case.warnings) >= WARNINGS
    assert case.measure("scar_burden_percent") is not None


def test_what_stock_ohif_stored_past_the_server_is_told_on_the_page(archive):
    archive.view()
    wait_until_listed(archive)
    page = case_page(archive.app, archive.image).body.decode()
    assert all(warning in page for warning in WARNINGS)


def test_what_stock_ohif_stored_past_the_server_is_told_in_the_report(archive):
    archive.view()
    wait_until_listed(archive)
    pages = text_of(report(archive.app, archive.image, "final").body)
    assert all(warning in pages for warning in WARNINGS)


def test_slicer_is_told_when_it_saves_into_a_pacs_and_so_are_readers_there(
    archive, pacs, drawn_reports, tmp_path
):
    write_label_map(tmp_path / "sent.nii.gz", archive.labels, archive.scan.grid)
    record = accept_file(
        archive.datastore,
        archive.image,
        tmp_path / "sent.nii.gz",
        tag="final",
        info={"user": "Ana", "state": "reviewed"},
    )
    assert set(record.warnings) >= WARNINGS
    (sr,) = (one for one in pacs.datasets.values() if one.Modality == "SR")
    (pdf,) = (one for one in pacs.datasets.values() if one.Modality == "DOC")
    pages = text_of(pdf.EncapsulatedDocument)
    for warning in WARNINGS:
        assert warning in sr.to_json()
        assert warning in pages


def test_a_draft_that_is_reviewed_keeps_its_warnings(archive, tmp_path):
    write_label_map(tmp_path / "sent.nii.gz", archive.labels, archive.scan.grid)
    file, info = tmp_path / "sent.nii.gz", {"user": "Ana"}
    draft = accept_file(archive.datastore, archive.image, file, tag="final", info=info)
    reviewed = archive.datastore.review(archive.image, draft.id, by="Bo")
    assert reviewed.warnings == draft.warnings
    assert shown(archive) == set(draft.warnings)


def test_measures_that_a_version_before_kept_get_the_warnings_and_stay(archive):
    archive.view()
    wait_until_listed(archive)
    archive.datastore.get_label_uri(archive.image, "final")
    (record,) = archive.datastore.label_records(archive.image)
    folder = archive.datastore._labels._folder
    known = {"lv_volume_ml": 1.5, "warnings": ["of before"], "model_version": "m0"}
    archive.datastore._labels.measures.keep(record.id, known)
    for file in folder.glob("*-checked.nii.gz"):
        file.rename(folder / file.name.replace("-checked", ""))  # as they were called
    archive.datastore.get_label_uri(archive.image, "final")
    (record,) = archive.datastore.label_records(archive.image)
    assert (record.features["lv_volume_ml"], record.model) == (1.5, "m0")
    assert set(record.warnings) >= WARNINGS | {"of before"}


def test_a_label_is_read_again_when_as_many_other_images_take_the_place_of_its_own(archive, pacs):
    archive.view()
    wait_until_listed(archive)
    archive.datastore.get_label_uri(archive.image, "final")
    for number, image in enumerate([one for one in pacs.datasets.values() if "Rows" in one]):
        if image.Modality == "MR":
            pacs.datasets.pop(image.SOPInstanceUID)
            image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"1.2.77.{number}"
            pacs.add([image])
    archive.datastore._archive.worklist.invalidate(archive.image)
    archive.datastore.get_label_uri(archive.image, "final")
    assert any("names none of the images" in warning for warning in shown(archive))


@pytest.mark.parametrize(
    ("person", "who"), [(None, "unknown annotator"), (Person("rea", Role.REVIEWER), "rea")]
)
def test_a_withdrawal_is_recorded_with_the_name_of_who_withdrew(
    web, samples, tmp_path, person, who
):
    image = "a & <i>b"
    version = save(web, image, web.studies / f"{image}.nii.gz", samples, tmp_path)["version"]
    if person is None:
        withdraw(web.app, image, "final")
    else:
        with request_of(person):
            withdraw(web.app, image, "final")
    assert audit_log.read(audit_log_file())[-1]["user"] == who
    (decision,) = web.app.store_folder().glob(f"versions/*/{version}.withdrawn")
    assert json.loads(decision.read_text())["by"] == who
    assert VersionStore(decision.parent.parent).version(image, version).state == "withdrawn"
