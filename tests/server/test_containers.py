"""What 3D Slicer saves by default goes to the server as NIfTI does: scans, sessions and labels."""

import gzip
import json

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from acsnet.io import read_scan
from acsnet.labels import LABEL_VALUES


@pytest.fixture
def truth(samples):
    return samples / "truth" / "phantom-1.nii.gz"


def stored(path, image):
    """A copy of a NIfTI file in the format of the ending of `path`."""
    sitk.WriteImage(sitk.ReadImage(str(image)), str(path))
    return path


def slicer_segmentation(path, truth):
    """The truth as a `.seg.nrrd` with the names of our labels and values of its own."""
    plain = stored(path.with_name("plain.nrrd"), truth)
    data, header = nrrd.read(str(plain))
    values = np.where(data > 0, 10 - data.astype(int), 0).astype(np.uint8)
    for number, (name, value) in enumerate(LABEL_VALUES.items()):
        header[f"Segment{number}_ID"] = f"Segment_{number + 1}"
        header[f"Segment{number}_Name"] = name
        header[f"Segment{number}_LabelValue"] = str(10 - value)
        header[f"Segment{number}_Layer"] = "0"
    header.pop("endian", None)
    header["type"] = "uint8"
    nrrd.write(str(path), values, header)
    return path


def save(web, label):
    answer = web.client.put(
        "/datastore/label",
        params={"image": "a & <i>b"},
        data={"params": json.dumps({"user": "Ana"})},
        files={"label": (label.name, label.read_bytes())},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["measurements"]


@pytest.mark.parametrize("ending", ["nrrd", "mha", "seg.nrrd"])
def test_a_label_is_the_same_in_every_format(web, truth, tmp_path, ending):
    make = slicer_segmentation if ending == "seg.nrrd" else stored
    path = make(tmp_path / f"Segmentation.{ending}", truth)
    assert save(web, path) == save(web, truth)


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_a_scan_is_taken_in_every_format(web, samples, tmp_path, ending):
    source = samples / "nifti" / "phantom-2.nii.gz"
    path = stored(tmp_path / f"own-{ending}.{ending}", source)
    answer = web.client.put("/datastore/image", files={"file": (path.name, path.read_bytes())})
    assert answer.json() == {"image": f"own-{ending}"}
    kept = read_scan(web.app.datastore().get_image_uri(f"own-{ending}"))
    np.testing.assert_array_equal(kept.pixels, read_scan(source).pixels)
    answer = web.client.put("/session/", files={"files": (path.name, path.read_bytes())})
    assert answer.status_code == 200


def test_a_volume_with_its_header_apart_is_listed_and_sent_as_nifti(web, samples):
    source = samples / "nifti" / "phantom-2.nii.gz"
    (web.studies / "deep").mkdir(exist_ok=True)
    stored(web.studies / "deep" / "apart.mhd", source)
    web.app.datastore().refresh()
    assert "deep_apart" in web.app.datastore().list_images()
    answer = web.client.get("/datastore/image", params={"image": "deep_apart"})
    assert answer.status_code == 200
    image = nib.Nifti1Image.from_bytes(gzip.decompress(answer.content))
    assert image.shape == nib.load(source).shape


@pytest.mark.parametrize("way", ["upload", "session", "file"])
def test_a_volume_that_slicer_calls_a_segmentation_is_a_scan(web, samples, tmp_path, way):
    """With `.seg.nrrd` as the extension in its settings, its module sends volumes so, too."""
    source = samples / "nifti" / "phantom-2.nii.gz"
    plain = stored(tmp_path / "plain.nrrd", source)
    sent = ("volume.seg.nrrd", plain.read_bytes())
    form = {"params": json.dumps({"scar_method": "half_max"})}
    if way == "upload":
        name = "401 PSIR"
        answer = web.client.put("/datastore/", params={"image": name}, files={"file": sent})
        assert answer.json() == {"image": name}
        kept = read_scan(web.app.datastore().get_image_uri(name))
        np.testing.assert_array_equal(kept.pixels, read_scan(source).pixels)
        assert name in web.client.get("/datastore/?output=all").json()["objects"]
        return
    if way == "session":
        session = web.client.put("/session/", files={"files": sent}).json()["session_id"]
        answer = web.client.post(f"/infer/roi?session_id={session}&output=json", data=form)
    else:
        answer = web.client.post("/infer/roi?output=json", data=form, files={"file": sent})
    assert answer.status_code == 200, answer.text
    assert answer.json()["left_ventricle_ml"] > 0


def test_a_label_map_with_an_empty_slice_too_many_is_taken(web, truth, tmp_path):
    image = nib.load(truth)
    affine = image.affine.copy()
    affine[:3, 3] -= affine[:3, 2]
    padded = np.pad(np.asarray(image.dataobj), ((0, 0), (0, 0), (1, 0)))
    nib.save(nib.Nifti1Image(padded, affine), tmp_path / "padded.nii.gz")
    assert save(web, tmp_path / "padded.nii.gz") == save(web, truth)


def test_another_scan_of_a_name_is_told_what_to_do_in_slicer(web, samples):
    files = {"file": ("a.nii.gz", (samples / "nifti" / "phantom-2.nii.gz").read_bytes())}
    answer = web.client.put("/datastore/", params={"image": "a & <i>b"}, files=files)
    assert answer.status_code == 409
    assert "press the upload button beside it before you submit" in answer.json()["detail"]
    answer = web.client.put("/datastore/", params={"image": "401: LGE/PSIR"}, files=files)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("image must be a name without / and \\")


def test_the_list_of_all_scans_is_as_new_as_their_number(web, samples):
    (web.studies / "late").mkdir()
    (web.studies / "late" / "late.nii.gz").write_bytes(
        (samples / "nifti" / "phantom-2.nii.gz").read_bytes()
    )
    assert "late" in " ".join(web.client.get("/datastore/?output=all").json()["objects"])
