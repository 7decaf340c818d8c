"""MR images of any SOP class get their objects, and what cannot be made is refused."""

import numpy as np
import pytest

from acsnet.dicom import encapsulated_pdf, seg_write, sr
from acsnet.dicom.encapsulated_pdf import make_pdf
from acsnet.dicom.seg_read import read_seg
from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.sr import make_sr
from acsnet.errors import InputError
from acsnet.quantify.features import compute_features

VOXEL_ML = 0.024  # 1.5 mm x 2 mm x 8 mm


SEG = {"state": "draft", "algorithm_type": "AUTOMATIC", "creator": "Doe^Jane"}


def report_of(labels, seg, sources):
    features = compute_features(labels, VOXEL_ML)
    return make_sr(features, seg, sources, segments=(), state="draft", creator="Doe^Jane")


def references(dataset):
    """(class, instance) of each reference in a data set, at any depth."""
    if "ReferencedSOPInstanceUID" in dataset:
        yield dataset.ReferencedSOPClassUID, dataset.ReferencedSOPInstanceUID
    for element in dataset:
        for item in element.value if element.VR == "SQ" else ():
            yield from references(item)


@pytest.mark.parametrize(
    "uid",
    ["1.3.46.670589.11.0.0.12.1", "1.2.840.10008.5.1.1.29", "1.2.840.10008.5.1.4.1.1.7"],
    ids=["private", "retired", "secondary capture"],
)
def test_images_are_referred_to_by_their_own_class(labels, sources, uid):
    for source in sources:
        source.SOPClassUID = uid
    seg = make_seg(labels, sources, **SEG)
    assert np.array_equal(read_seg(seg, sources).labels, labels)
    images = {(uid, source.SOPInstanceUID) for source in sources}
    own = (seg.SOPClassUID, seg.SOPInstanceUID)
    assert set(references(seg)) == images
    assert set(references(report_of(labels, seg, sources))) == images | {own}
    assert set(references(make_pdf(b"%PDF-1.4", sources, state="draft"))) == images


@pytest.mark.parametrize("error", [AttributeError, KeyError, TypeError, ValueError])
@pytest.mark.parametrize(
    ("module", "name"),
    [(seg_write, "Segmentation"), (sr, "ComprehensiveSR"), (encapsulated_pdf, "SOPClass")],
)
def test_what_highdicom_cannot_write_is_refused_with_series_and_cause(
    labels, seg, sources, monkeypatch, module, name, error
):
    def fail(**options):
        raise error("of a tag")

    make = {
        seg_write: lambda: make_seg(labels, sources, **SEG),
        sr: lambda: report_of(labels, seg, sources),
        encapsulated_pdf: lambda: make_pdf(b"%PDF-1.4", sources, state="draft"),
    }
    monkeypatch.setattr(module, name, fail)
    with pytest.raises(InputError, match=rf"series 1\.2\.3\.4 \({error.__name__}: '?of a tag'?\)"):
        make[module]()
