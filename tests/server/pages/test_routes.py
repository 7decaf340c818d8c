"""The work list and the case page, as a browser gets them."""

import gzip
import re
import time
from html.parser import HTMLParser
from io import BytesIO
from urllib.parse import quote

import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image
from pypdf import PdfReader

from acsnet.server.pages import routes

pytestmark = pytest.mark.slow

NOTICE = "Research use only. Not a medical device."
NIFTI = "a & <i>b"


class Links(HTMLParser):
    """Every address that a page names."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.tags = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.found += [value for key, value in attrs if key in ("href", "src", "action")]


@pytest.fixture(scope="module")
def segmented(web):
    """The first phantom, segmented by the button of its page."""
    end = time.monotonic() + 30
    while "being checked" in web.client.get("/acsnet/").text:
        assert time.monotonic() < end
        time.sleep(0.05)
    answer = web.client.post(f"/acsnet/cases/{web.series}/segment")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/acsnet/cases/{web.series}"
    return web


def rows(text):
    """Case -> text of its row."""
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    found = {}
    for row in body.split("<tr>")[1:]:
        name = re.search(r'<a href="[^"]*">(.*?)</a>', row).group(1)
        found[name] = " ".join(re.sub(r"<[^>]*>", " ", row).split())
    return found


def test_the_work_list_has_every_case_with_its_state(segmented):
    found = rows(segmented.client.get("/acsnet/").text)
    assert set(found) == {"PHANTOM-1", "PHANTOM-2", "&lt;b&gt;gap", "a &amp; &lt;i&gt;b"}
    assert re.search(r"draft 1\d\.\d %", found["PHANTOM-1"])
    assert " new" in found["PHANTOM-2"]
    assert "refused" in found["&lt;b&gt;gap"]
    assert "slices are missing" in found["&lt;b&gt;gap"]


@pytest.mark.parametrize(
    ("query", "cases"),
    [
        ("state=refused", ["&lt;b&gt;gap"]),
        ("text=phantom-2", ["PHANTOM-2"]),
        ("text=PSIR", ["PHANTOM-2"]),
        ("text=nobody", []),
        ("study=1.9", []),
        ("sort=-case", ["a &amp; &lt;i&gt;b", "PHANTOM-2", "PHANTOM-1", "&lt;b&gt;gap"][1:]),
        ("sort=burden", ["PHANTOM-1"]),
        ("sort=nonsense", ["&lt;b&gt;gap"]),
    ],
)
def test_the_work_list_is_filtered_and_sorted(segmented, query, cases):
    found = list(rows(segmented.client.get(f"/acsnet/?{query}").text))
    if query.startswith("sort=-case"):
        assert [case for case in found if case in cases] == cases
    else:
        assert found[: len(cases)] == cases
    if not query.startswith("sort"):
        assert found == cases


def test_a_list_of_before_says_that_it_is_old_and_why(web, monkeypatch):
    assert "not up to date" not in web.client.get("/acsnet/").text
    monkeypatch.setattr(web.app.datastore(), "fault", lambda: "it answered HTTP 503")
    text = web.client.get("/acsnet/").text
    assert "This list is not up to date" in text
    assert "it answered HTTP 503" in text
    assert len(rows(text)) == len(web.app.datastore().list_images())


def test_a_study_opens_its_only_case(segmented):
    answer = segmented.client.get(f"/acsnet/?study={segmented.study}")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/acsnet/cases/{segmented.series}"


def test_the_case_page_shows_what_was_measured(segmented):
    text = segmented.client.get(f"/acsnet/cases/{segmented.series}").text
    info = segmented.app.datastore().get_label_info(segmented.series, "original")
    assert f"{info['features']['scar_burden_percent']:.1f}" in text
    assert "Scar burden" in text
    assert "ACSNet 0." in text
    links = Links(text).found
    assert any(link.startswith("/ohif/monai-label?StudyInstanceUIDs=") for link in links)


def test_the_picture_shows_all_slices(segmented):
    answer = segmented.client.get(f"/acsnet/cases/{segmented.series}/montage.png?tag=original")
    assert answer.headers["content-type"] == "image/png"
    picture = np.asarray(Image.open(BytesIO(answer.content)))
    assert picture.shape[1] > 8 * 200
    drawn = (picture == (255, 255, 120)).all(axis=-1)
    assert drawn.sum() > 100


@pytest.mark.parametrize(
    "name",
    [
        "montage.png",
        "segmentation.nii.gz",
        "segmentation.dcm",
        "features.json",
        "report.pdf",
        "bullseye.png",
        "measurements.dcm",
        "edit",
        "suggestion",
    ],
)
def test_a_label_map_may_be_called_by_a_uid_as_in_a_pacs(segmented, name):
    answer = segmented.client.get(
        f"/acsnet/cases/{segmented.series}/{name}?tag=1.2.826.0.1.3680043.8.498.7"
    )
    assert answer.status_code == 404, answer.text


def test_downloads_are_the_label_map_its_measures_and_the_seg(segmented):
    path = f"/acsnet/cases/{segmented.series}"
    nifti = segmented.client.get(f"{path}/segmentation.nii.gz?tag=original")
    assert re.search(r"-draft-[\d-]{15}\.nii\.gz", nifti.headers["content-disposition"])
    image = nib.Nifti1Image.from_bytes(gzip.decompress(nifti.content))
    features = segmented.client.get(f"{path}/features.json?tag=original").json()
    assert features["notice"] == NOTICE
    voxel_ml = abs(np.linalg.det(image.affine[:3, :3])) / 1000
    measured = (np.asarray(image.dataobj) > 0).sum() * voxel_ml
    assert measured == pytest.approx(features["lv_volume_ml"], rel=0.01)
    seg = segmented.client.get(f"{path}/segmentation.dcm?tag=original")
    assert pydicom.dcmread(BytesIO(seg.content)).Modality == "SEG"
    sr = segmented.client.get(f"{path}/measurements.dcm?tag=original")
    document = pydicom.dcmread(BytesIO(sr.content))
    assert document.Modality == "SR"
    assert f"{features['scar_burden_percent']:.4f}".rstrip("0") in str(document)


def test_the_report_of_a_label_map_can_be_downloaded(segmented):
    path = f"/acsnet/cases/{segmented.series}/report.pdf?tag=original"
    assert path in segmented.client.get(f"/acsnet/cases/{segmented.series}").text
    answer = segmented.client.get(path)
    assert answer.headers["content-type"] == "application/pdf", answer.text
    first, _, third = (page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
    assert "PHANTOM-1" in first
    assert "Status: draft" in first
    assert "the networks" in first
    end = segmented.series[-6:].lstrip(".")
    name = rf"PHANTOM-1-{end}-draft-\d{{8}}-\d{{6}}\.pdf$"
    assert re.search(name, answer.headers["content-disposition"])
    features = segmented.client.get(path.replace("report.pdf", "features.json")).json()
    assert f"{features['scar_burden_percent']:.1f} %" in first
    assert features["software"]["weights_sha256"]["myo"][:12] in third


def test_what_a_reader_entered_is_in_report_and_sr(segmented):
    case = f"/acsnet/cases/{segmented.series}"
    form = {
        "by": "Ana",
        "height_cm": "180",
        "weight_kg": "80",
        "indication": "Syncope on exertion",
        "comment": "Thin apex.",
    }
    answer = segmented.client.post(f"{case}/details", data=form, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    report = segmented.client.get(f"{case}/report.pdf?tag=original")
    first = PdfReader(BytesIO(report.content)).pages[0].extract_text()
    for words in ("Syncope on exertion", "Thin apex.", "180 cm, 80 kg, 2.00 m"):
        assert words in first
    sr = pydicom.dcmread(
        BytesIO(segmented.client.get(f"{case}/measurements.dcm?tag=original").content)
    )
    for words in ("Syncope on exertion", "Reader: Thin apex.", "body surface area 2.00 m2"):
        assert words in sr.to_json()


def test_a_page_that_stays_saves_its_details_again_by_when_it_saved_them(segmented):
    case = f"/acsnet/cases/{segmented.series}"
    page = segmented.client.get(case).text
    (saved,) = re.findall(r'name="saved" value="([^"]*)">\s*<label>Reader', page)
    for comment in ("Thin apex, bright.", "Thin apex, bright septum."):
        form = {"by": "Ana", "height_cm": "170.123456", "weight_kg": "80", "comment": comment}
        answer = segmented.client.post(
            f"{case}/details", data={**form, "saved": saved}, headers={"Accept": "application/json"}
        )
        assert answer.status_code == 200, answer.text
        saved = answer.json()["saved"]
    text = segmented.client.get(case).text
    assert comment in text
    assert f'name="saved" value="{saved}"' in text
    assert 'size="6" value="170.123456"' in text


def test_the_bullseyes_are_on_the_case_page(segmented):
    text = segmented.client.get(f"/acsnet/cases/{segmented.series}").text
    (address,) = (link for link in Links(text).found if "bullseye.png" in link)
    answer = segmented.client.get(address)
    assert answer.headers["content-type"] == "image/png"
    assert np.asarray(Image.open(BytesIO(answer.content))).shape[1] > 600


@pytest.mark.parametrize("name", ["report.pdf", "bullseye.png", "measurements.dcm"])
def test_what_no_label_map_has_is_not_found(segmented, name):
    answer = segmented.client.get(f"/acsnet/cases/{segmented.series}/{name}?tag=nobody")
    assert answer.status_code == 404
    outside = segmented.client.get(f"/acsnet/cases/..%2F..%2Fetc/{name}?tag=original")
    assert outside.status_code == 400


def test_a_saved_label_is_shown_beside_the_draft(segmented):
    nifti = segmented.client.get(
        f"/acsnet/cases/{segmented.series}/segmentation.nii.gz?tag=original"
    )
    answer = segmented.client.put(
        "/datastore/label",
        params={"image": segmented.series},
        files={"label": ("label.nii.gz", nifti.content)},
        data={"params": '{"client_id": "Reader <1>", "state": "reviewed"}'},
    )
    assert answer.status_code == 200, answer.text
    text = segmented.client.get(f"/acsnet/cases/{segmented.series}").text
    assert "Reader &lt;1&gt;" in text
    assert "reviewed by Reader &lt;1&gt;" in text
    assert "draft by the networks" in text
    assert text.count('id="correct"') == 1  # what was reviewed can be corrected, too
    assert re.search(
        r"reviewed 1\d\.\d %", rows(segmented.client.get("/acsnet/").text)["PHANTOM-1"]
    )


def test_a_nifti_case_with_an_odd_name_has_a_page(segmented):
    answer = segmented.client.get(f"/acsnet/cases/{quote(NIFTI)}")
    assert answer.status_code == 200
    assert "<i>b" not in answer.text
    assert "a &amp; &lt;i&gt;b" in answer.text


def test_a_refused_case_says_why_and_is_not_segmented(segmented):
    text = segmented.client.get("/acsnet/cases/1.2.3").text
    assert "slices are missing" in text
    assert '/segment"' not in text
    answer = segmented.client.post("/acsnet/cases/1.2.3/segment")
    assert answer.status_code == 422
    assert "slices are missing" in answer.text
    answer = segmented.client.post("/infer/acsnet?image=1.2.3")
    assert answer.status_code == 422
    assert "slices are missing" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["/", "/cases/{series}", "/cases/1.2.3", f"/cases/{quote(NIFTI)}", "/?text=<script>"],
)
def test_every_page_is_safe_and_complete_by_itself(segmented, path):
    answer = segmented.client.get(f"/acsnet{path.format(series=segmented.series)}")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith(
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'"
    )
    assert re.findall("<script[^>]*>", answer.text) == [
        f'<script src="/acsnet/{name}.js" defer>' for name in ("pages", "clicks", "desk")
    ]
    assert not re.search(r" on[a-z]+=", answer.text)
    assert NOTICE in answer.text
    page = Links(answer.text)
    assert not page.tags & {"style", "iframe"}
    assert all(link.startswith(("/", "?", "#")) and link[:2] != "//" for link in page.found)
    assert " style=" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/cases/nobody",
        "/cases/..%2f..%2fetc",
        "/cases/nobody/montage.png?tag=original",
        "/cases/{series}/montage.png?tag=nothing",
        "/cases/{series}/segmentation.dcm?tag=nothing",
    ],
)
def test_what_is_not_there_is_not_found(segmented, path):
    answer = segmented.client.get(f"/acsnet{path.format(series=segmented.series)}")
    assert answer.status_code in (400, 404)


@pytest.mark.parametrize("tag", ["..", "a/b", ""])
def test_a_tag_is_never_a_path(segmented, tag):
    path = f"/acsnet/cases/{segmented.series}/segmentation.nii.gz"
    assert segmented.client.get(path, params={"tag": tag}).status_code in (400, 422)


def test_pages_of_other_sites_can_start_nothing(segmented):
    answer = segmented.client.post(
        f"/acsnet/cases/{segmented.series}/segment", headers={"Origin": "https://example.org"}
    )
    assert answer.status_code == 403


def test_a_series_is_downloaded_as_nifti(segmented):
    answer = segmented.client.get(f"/datastore/image?image={segmented.series}")
    image = nib.Nifti1Image.from_bytes(gzip.decompress(answer.content))
    sample = nib.load(segmented.studies / f"{NIFTI}.nii.gz")
    assert image.shape == sample.shape
    corners = [[0, 0, 0, 1], [image.shape[0] - 1, 0, image.shape[2] - 1, 1]]
    np.testing.assert_allclose(
        image.affine @ np.transpose(corners), sample.affine @ np.transpose(corners), atol=0.01
    )
    np.testing.assert_array_equal(np.asarray(image.dataobj), np.asarray(sample.dataobj))


def test_a_long_work_list_comes_page_by_page_sorted_as_a_whole(web, monkeypatch):
    monkeypatch.setitem(web.application.dependency_overrides, routes.cases_a_page, lambda: 2)
    first, second, beyond = (
        web.client.get(f"/acsnet/?sort=case&page={number}").text for number in (1, 2, 9)
    )
    whole = [*re.findall(r'<th scope="row"><a href="([^"]+)">', first + second)]
    monkeypatch.undo()
    everything = web.client.get("/acsnet/?sort=case").text
    assert whole == re.findall(r'<th scope="row"><a href="([^"]+)">', everything)
    assert len(whole) == len(web.app.datastore().list_images()) == 4
    assert "page 1 of 2, 4 cases" in first
    assert 'rel="next"' in first
    assert 'rel="next"' not in second
    assert rows(beyond) == rows(second)
    assert "page 1 of" not in everything
    assert web.client.get("/acsnet/?page=0").status_code == 422
