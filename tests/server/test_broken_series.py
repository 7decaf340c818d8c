"""Series that cannot be measured, as a person and a client meet them."""

import time

import pytest

pytestmark = pytest.mark.slow


def test_each_is_in_the_work_list_with_its_reason_and_refused(web, patient, broken_series):
    reasons = {}
    for name, (series, reason) in broken_series.items():
        reasons[name] = reason.replace("Modality must be MR, got", "got Modality")
        folder = web.studies / name
        folder.mkdir()
        for number, dataset in enumerate(series):
            dataset.PatientID = f"broken: {name}"
            dataset.save_as(folder / f"{number:03d}.dcm")
    cut = patient(uid="20", PatientID="broken: truncated file")
    (web.studies / "cut").mkdir()
    for number, dataset in enumerate(cut):
        dataset.save_as(web.studies / "cut" / f"{number:03d}.dcm")
    file = web.studies / "cut" / "003.dcm"
    file.write_bytes(file.read_bytes()[:30_000])
    reasons["truncated file"] = "do not fill the matrix"
    uids = {name: str(series[0].SeriesInstanceUID) for name, (series, _) in broken_series.items()}
    uids["truncated file"] = str(cut[0].SeriesInstanceUID)

    end = time.monotonic() + 60
    while "being checked" in (text := web.client.get("/acsnet/?text=broken:&state=").text):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert text.count('class="state refused"') == len(reasons) == 8
    for name, reason in reasons.items():
        answer = web.client.post(f"/infer/acsnet?image={uids[name]}&output=json")
        assert answer.status_code == 422, name
        assert reason in answer.json()["detail"]
        page = web.client.post(f"/acsnet/cases/{uids[name]}/segment")
        assert page.status_code == 422
        assert reason in page.text
        assert reason in text
    assert web.client.post(f"/infer/acsnet?image={web.series}&output=json").status_code == 200


@pytest.mark.parametrize("path", ["cases/1.2.3.4", "cases/1.2.3/montage.png?tag=final"])
def test_what_is_not_there_is_told_on_a_page(web, path):
    answer = web.client.get(f"/acsnet/{path}")
    assert answer.status_code == 404
    assert "This could not be done" in answer.text
