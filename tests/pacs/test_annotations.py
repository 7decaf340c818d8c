import numpy as np
import pytest
from pydicom.dataset import Dataset

from acsnet.dicom.seg_write import make_seg
from acsnet.pacs.annotations import annotation_of, is_derived


@pytest.fixture
def seg(patient):
    def make(state="draft", creator="Reader^A"):
        images = patient()
        labels = np.zeros((8, images[0].Rows, images[0].Columns), np.uint8)
        labels[3, 5:9, 5:9] = 2
        kind = "AUTOMATIC" if state == "draft" else "MANUAL"
        return make_seg(labels, images, state=state, algorithm_type=kind, creator=creator)

    return make


def test_a_seg_of_ours_says_state_author_and_series(seg, patient):
    one = annotation_of(seg("reviewed"))
    assert (one.state, one.author) == ("reviewed", "Reader^A")
    assert one.of_series == (patient()[0].SeriesInstanceUID,)
    assert annotation_of(seg("draft")).state == "draft"


@pytest.mark.parametrize(
    "changed",
    [{"SeriesDescription": "Imported"}, {"Manufacturer": "Archive"}, {"ContentLabel": "OTHER"}],
)
def test_a_draft_stays_a_draft_whatever_tag_an_archive_changed(seg, changed):
    dataset = seg("draft")
    for tag, value in changed.items():
        setattr(dataset, tag, value)
    assert annotation_of(dataset).state == "draft"


def test_a_draft_that_a_reader_saved_from_a_viewer_is_reviewed(seg):
    dataset = seg("draft")
    dataset.Manufacturer, dataset.ContentLabel = "Unspecified", "SEGMENTATION"
    dataset.SeriesDescription, dataset.ContentCreatorName = "ACSNet draft", "Reader^B"
    for segment in dataset.SegmentSequence:
        segment.SegmentLabel = segment.SegmentLabel.replace("_", " ").title()
    one = annotation_of(dataset)
    assert (one.state, one.author) == ("reviewed", "Reader^B")


def test_the_seg_of_other_software_is_left_alone(seg):
    dataset = seg("reviewed")
    dataset.Manufacturer, dataset.ContentLabel = "Other", "SEGMENTATION"
    dataset.SeriesDescription = "Myocardium"
    for segment in dataset.SegmentSequence:
        segment.SegmentLabel = "Scar"
    assert annotation_of(dataset) is None


def test_what_names_no_series_or_is_no_seg_is_left_alone(seg, patient):
    dataset = seg("reviewed")
    del dataset.ReferencedSeriesSequence
    assert annotation_of(dataset) is None
    assert annotation_of(patient()[0]) is None


def test_a_uid_that_is_a_path_is_left_alone(seg):
    dataset = seg("reviewed")
    dataset.SOPInstanceUID = "../../x"
    assert annotation_of(dataset) is None


@pytest.mark.parametrize(
    ("maker", "modality", "expected"),
    [
        ("ACSNet", "SR", True),
        ("ACSNet", "DOC", True),
        ("Other", "SR", False),
        ("ACSNet", "MR", False),
    ],
)
def test_reports_of_this_program_are_derived_and_those_of_others_are_not(maker, modality, expected):
    report = Dataset()
    report.Manufacturer, report.Modality = maker, modality
    assert is_derived(report, ["1.2"]) is expected


def test_a_seg_is_derived_from_the_series_that_it_names(seg, patient):
    series = patient()[0].SeriesInstanceUID
    assert is_derived(seg("draft"), [series, "1.2"])
    assert not is_derived(seg("draft"), ["1.2"])
