"""No damage to files of the newer readers does more than be refused."""

import contextlib
import gzip

import enhanced_packings
import nibabel as nib
import nrrd
import numpy as np
import packed_scans
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.io.label_map import by_name, read_label_map

SHAPE = (12, 10, 4)
damage = settings(
    max_examples=settings().max_examples,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
changes = st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=8)


@pytest.fixture(scope="module")
def originals(tmp_path_factory, samples):
    """Name -> bytes of a small file of each kind."""
    folder = tmp_path_factory.mktemp("originals")
    data = np.random.default_rng(0).integers(0, 999, SHAPE).astype(np.int16)
    nib.save(nib.Nifti1Image(data, np.diag([1.5, 1.5, 8, 1])), folder / "a.nii")
    image = sitk.ReadImage(str(folder / "a.nii"))
    found = {}
    for name, packed in (("a.nrrd", True), ("b.nrrd", False), ("a.mha", True), ("b.mha", False)):
        sitk.WriteImage(image, str(folder / name), packed)
        found[name] = (folder / name).read_bytes()
    header = {"space directions": np.diag([1.5, 1.5, 8.0]), "space": "LPS", "space origin": [0] * 3}
    header |= {"Segment0_ID": "a", "Segment0_Name": "core_scar", "Segment0_LabelValue": "1"}
    nrrd.write(str(folder / "a.seg.nrrd"), (data > 500).astype(np.uint8), header)
    found["a.seg.nrrd"] = (folder / "a.seg.nrrd").read_bytes()
    nib.save(nib.AnalyzeImage(data, np.diag([-1.5, 1.5, 8, 1])), folder / "a.img")
    found["a.hdr"] = (folder / "a.hdr").read_bytes()
    datasets = packed_scans.slices(samples / "dicom" / "phantom-1")[:3]
    for dataset in datasets:
        dataset.PixelData = dataset.pixel_array[:8, :8].tobytes()
        dataset.Rows = dataset.Columns = 8
    enhanced_packings.enhanced_multi_frame(datasets, folder / "enhanced")
    found["enhanced.dcm"] = (folder / "enhanced" / "enhanced.dcm").read_bytes()
    return found


def damaged(content, changes, cut):
    content = bytearray(content)
    for where, value in changes:
        content[int(where * len(content))] = value
    return bytes(content[: int(cut * len(content))])


@pytest.mark.parametrize(
    "name", ["a.nrrd", "b.nrrd", "a.mha", "b.mha", "a.seg.nrrd", "a.hdr", "enhanced.dcm"]
)
@damage
@given(changes=changes, cut=st.sampled_from([1.0, 1.0, 0.9, 0.3]), zipped=st.booleans())
def test_no_damage_does_more_than_be_refused(tmp_path, originals, name, changes, cut, zipped):
    content = damaged(originals[name], changes, cut)
    folder = tmp_path / "case"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(gzip.compress(content) if zipped else content)
    if name == "a.hdr":
        (folder / "a.img").write_bytes(bytes(2 * int(np.prod(SHAPE))))
    with contextlib.suppress(AcsnetError):
        read_scan(folder if name == "enhanced.dcm" else folder / name)
    with contextlib.suppress(AcsnetError):
        by_name(read_label_map(folder / name, name="a"))
