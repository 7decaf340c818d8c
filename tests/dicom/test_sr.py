"""The report's numbers, what they refer to, and what it says of itself."""

from dataclasses import replace
from datetime import datetime, timezone

import highdicom
import pytest

from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.sr import make_sr
from acsnet.dicom.sr_content import Clinical
from acsnet.errors import InputError
from acsnet.quantify.aha_segments import Segment
from acsnet.quantify.body_size import BodySize, body_numbers
from acsnet.quantify.features import compute_features
from acsnet.quantify.scar import ScarThreshold
from acsnet.quantify.scar_methods import MethodRow
from acsnet.quantify.scar_shape.pattern import ScarPattern

VOXEL_ML = 0.024


@pytest.fixture
def features(labels):
    """9 voxels of blood pool; 7 + 12 of wall, 2 of grey zone, 1 of core, 1 of obstruction."""
    return compute_features(labels, VOXEL_ML)


def values_of(report):
    """(tracking identifier, measure) -> (value, unit) of every number in a report."""
    found = {}
    (measurements,) = (
        item
        for item in report.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurements"
    )
    for group in measurements.ContentSequence:
        (name,) = (
            item.TextValue
            for item in group.ContentSequence
            if item.ConceptNameCodeSequence[0].CodeMeaning == "Tracking Identifier"
        )
        for item in group.ContentSequence:
            if item.ValueType == "NUM":
                (measured,) = item.MeasuredValueSequence
                unit = measured.MeasurementUnitsCodeSequence[0]
                assert unit.CodingSchemeDesignator == "UCUM"
                key = name, item.ConceptNameCodeSequence[0].CodeMeaning
                found[key] = float(measured.NumericValue), unit.CodeValue
    return found


def comments_of(report):
    return [
        item.TextValue
        for item in report.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Comment"
    ]


def test_every_number_is_there_with_its_unit(features, seg, sources, labels):
    count = {value: int((labels == value).sum()) for value in range(1, 6)}
    assert count == {1: 9, 2: 19, 3: 2, 4: 1, 5: 1}
    report = make_sr(features, seg, sources, segments=(), state="draft", creator="Doe^Jane")
    assert values_of(report) == {
        ("Left ventricular blood pool", "Volume"): (0.216, "mL"),
        ("Left ventricular myocardium, not enhanced", "Volume"): (0.456, "mL"),
        ("Grey zone of the scar", "Volume"): (0.048, "mL"),
        ("Core scar", "Volume"): (0.024, "mL"),
        ("Microvascular obstruction", "Volume"): (0.024, "mL"),
        ("Left ventricle, wall and blood pool", "Volume"): (0.768, "mL"),
        ("Left ventricular myocardium, enhancement included", "Volume"): (0.552, "mL"),
        ("Left ventricular myocardium, enhancement included", "Mass"): (0.5796, "g"),
        ("Enhancement: core scar, grey zone and microvascular obstruction", "Volume"): (
            0.096,
            "mL",
        ),
        (
            "Enhancement: core scar, grey zone and microvascular obstruction",
            "Enhancement, share of myocardial volume",
        ): (17.3913, "%"),
        (
            "Enhancement: core scar, grey zone and microvascular obstruction",
            "Core scar, share of myocardial volume",
        ): (4.3478, "%"),
    }


def test_numbers_that_the_scan_cannot_give_are_left_out(features, seg, sources):
    unknown = replace(
        features,
        core_scar_volume_ml=None,
        grey_zone_volume_ml=None,
        core_scar_burden_percent=None,
        warnings=("no remote wall was found",),
    )
    report = make_sr(unknown, seg, sources, segments=(), state="draft", creator="Doe^Jane")
    names = {name for name, _ in values_of(report)}
    assert not names & {"Core scar", "Grey zone of the scar"}
    assert "no remote wall was found" in comments_of(report)


def test_where_scar_was_not_assessed_there_is_no_finding_of_it_and_a_comment(labels, seg, sources):
    for drawn, known, words in (
        (labels, False, {"Scar was not assessed."}),
        (labels * (labels == 1), True, set()),  # a blood pool without a wall
    ):
        features = compute_features(drawn, VOXEL_ML, scar_known=known)
        report = make_sr(features, seg, sources, segments=(), state="draft", creator="Doe^Jane")
        assert "Scar tissue" not in report.to_json()
        assert {text for text in comments_of(report) if text.startswith("Scar was")} == words
    assert set(values_of(report)) == {
        ("Left ventricular blood pool", "Volume"),
        ("Left ventricle, wall and blood pool", "Volume"),
    }


def test_what_split_core_scar_and_grey_zone_is_a_comment(labels, seg, sources):
    threshold = ScarThreshold(method="remote", value=60.0, remote=20.0, peak=100.0)
    features = compute_features(labels, VOXEL_ML, threshold=threshold)
    report = make_sr(features, seg, sources, segments=(), state="draft", creator="Doe^Jane")
    assert comments_of(report)[-1] == (
        "Core scar as segmented: signal from 60, half way from the remote wall (20) to the peak "
        "(100)."
    )


def test_two_values_of_one_finding_are_told_apart_by_codes(features, seg, sources):
    row = MethodRow(method="sd5", scar_volume_ml=2.0, scar_mass_g=2.1, scar_burden_percent=12.5)
    who = {"segments": (), "state": "draft", "creator": "Doe^Jane"}
    report = make_sr(features, seg, sources, clinical=Clinical(headline=row), **who)
    content = highdicom.sr.ComprehensiveSR.from_dataset(report).content
    *_, drawn, by_method = content.get_image_measurement_groups()
    for group, method in ((drawn, "drawn"), (by_method, "sd5")):
        found = {part.method.value for part in group.get_measurements()}
        assert (group.finding_type.value, found) == ("12402003", {method})
    assert [part.name.value for part in by_method.get_measurements()][-1] == "method_burden"
    words = words_of(report)
    part = "Part of the wall that was measured"
    assert words["Left ventricular myocardium, not enhanced", part] == "not enhanced"
    assert words["Left ventricular myocardium, enhancement included", part] == "whole wall"


def test_highdicom_reads_it_as_tid_1500_tied_to_the_segments(features, seg, sources):
    report = make_sr(features, seg, sources, segments=(), state="draft", creator="Doe^Jane")
    content = highdicom.sr.ComprehensiveSR.from_dataset(report).content
    groups = content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 5
    segments = [group.referenced_segment for group in groups]
    assert [segment.referenced_segment_numbers for segment in segments] == [[1], [2], [3], [4], [5]]
    for segment in segments:
        assert segment.referenced_sop_instance_uid == seg.SOPInstanceUID
        images = {item.referenced_sop_instance_uid for item in segment[1:]}
        assert images == {source.SOPInstanceUID for source in sources}
    assert len(content.get_image_measurement_groups()) == 3


def test_seg_and_images_are_its_evidence(features, seg, sources):
    report = make_sr(features, seg, sources, segments=(), state="draft", creator="Doe^Jane")
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    found = {
        item.ReferencedSOPInstanceUID
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert found == {seg.SOPInstanceUID, *(source.SOPInstanceUID for source in sources)}


@pytest.mark.parametrize(("state", "flag"), [("draft", "PRELIMINARY"), ("reviewed", "FINAL")])
def test_only_a_reviewed_report_is_final_and_none_is_verified(features, seg, sources, state, flag):
    report = make_sr(features, seg, sources, segments=(), state=state, creator="Doe^Jane")
    assert report.PreliminaryFlag == flag
    assert report.VerificationFlag == "UNVERIFIED"
    assert report.SeriesDescription == f"ACSNet {state}"
    assert "Research use only. Not a medical device." in comments_of(report)
    persons = [item.PersonName for item in report.ContentSequence if item.ValueType == "PNAME"]
    assert persons == (["Doe^Jane"] if state == "reviewed" else [])


def test_a_seg_of_another_study_is_refused(features, labels, seg, sources):
    for source in sources:
        source.StudyInstanceUID = "1.2.4"
    with pytest.raises(InputError, match=r"one study, got 1\.2\.3 and 1\.2\.4"):
        make_sr(features, seg, sources, segments=(), state="draft", creator="Doe^Jane")


def test_a_scan_without_a_ventricle_has_a_report(labels, sources):
    empty = 0 * labels
    seg = make_seg(empty, sources, state="draft", algorithm_type="AUTOMATIC", creator="ACSNet")
    features = compute_features(empty, VOXEL_ML)
    report = make_sr(features, seg, sources, segments=(), state="draft", creator="ACSNet")
    assert not any(unit == "%" for _, unit in values_of(report).values())
    assert any("no myocardium was found" in text for text in comments_of(report))


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("fwhm_remote", ", remote region placed by a person"),
        ("sd5_mean", ", remote region placed by a person"),
        ("fwhm_half_max", ""),
        ("otsu", ""),
    ],
)
def test_a_placed_remote_region_is_told_with_the_methods_that_use_it(
    features, seg, sources, method, words
):
    row = MethodRow(method=method, scar_volume_ml=2.0, scar_mass_g=2.1, scar_burden_percent=12.5)
    report = make_sr(
        features,
        seg,
        sources,
        segments=(),
        state="draft",
        creator="Doe^Jane",
        clinical=Clinical(headline=row, remote_given=True),
    )
    name = f"Scar by the method of the report, {method}{words}"
    assert (name, "Volume") in values_of(report)


def test_each_measured_segment_has_its_scar_at_its_own_site(features, seg, sources):
    measured = Segment(
        segment=8,
        name="mid anteroseptal",
        territory="LAD",
        scar_volume_ml=1.25,
        scar_percent=20.0,
        transmurality_mean_percent=35.5,
    )
    unknown = Segment(segment=17, name="apex", territory="LAD")
    known = (measured, unknown)
    report = make_sr(features, seg, sources, segments=known, state="draft", creator="Doe^Jane")
    name = "Segment 8, mid anteroseptal"
    values = values_of(report)
    assert {key: value for key, value in values.items() if key[0].startswith("Segment")} == {
        (name, "Volume"): (1.25, "mL"),
        (name, "Enhancement, share of the segment's volume"): (20.0, "%"),
        (name, "Enhancement along a radial chord, mean of the segment"): (35.5, "%"),
    }
    # SNOMED CT: left ventricle mid anteroseptal segment.
    assert "396647004" in report.to_json()


def words_of(report):
    """(name of a group, meaning of the name) -> meaning of the value, of all coded words."""
    found = {}
    for item in report.ContentSequence:
        for group in item.get("ContentSequence", []):
            parts = list(group.get("ContentSequence", []))
            name = next(
                (
                    part.TextValue
                    for part in parts
                    if part.ConceptNameCodeSequence[0].CodeMeaning == "Tracking Identifier"
                ),
                None,
            )
            for part in parts:
                if part.ValueType == "CODE":
                    key = name, part.ConceptNameCodeSequence[0].CodeMeaning
                    found[key] = part.ConceptCodeSequence[0].CodeMeaning
    return found


def test_it_carries_what_the_report_says(features, seg, sources):
    # 2 m2 by Mosteller; masses of 0.5796 g and 0.1008 g.
    body = body_numbers(features, BodySize(height_cm=180.0, weight_kg=80.0))
    pattern = ScarPattern(
        scar_pattern="mid-wall",
        scar_pattern_certain=False,
        scar_pattern_percent={"mid-wall": 70.0, "epicardial": 30.0},
    )
    row = MethodRow(method="sd5", scar_volume_ml=2.0, scar_mass_g=2.1, scar_burden_percent=12.5)
    clinical = Clinical(
        body=body,
        pattern=pattern,
        viable_segments=15,
        headline=row,
        remote_given=True,
        intervals=("Scar burden: 90 % interval 10.0 to 20.0 % of myocardium",),
        indication="Syncope",
        comment="Thin apex.",
        status="reviewed, accepted by Jane Doe",
        drawn_by="the networks",
        accepted=datetime(2026, 11, 28, 13, 5, 59, tzinfo=timezone.utc),
    )
    segment = Segment(
        segment=8,
        name="mid anteroseptal",
        territory="LAD",
        scar_percent=20.0,
        transmurality_class="26-50",
        pattern="mid-wall",
    )
    report = make_sr(
        features,
        seg,
        sources,
        segments=(segment,),
        state="reviewed",
        creator="Doe^Jane",
        clinical=clinical,
    )
    values = values_of(report)
    wall = "Left ventricular myocardium, enhancement included"
    scar = "Enhancement: core scar, grey zone and microvascular obstruction"
    assert values[wall, "Mass by body surface area"] == (0.2898, "g/m2")
    assert values[scar, "Mass"] == (0.1008, "g")
    # 0.216 ml over 2 m2; 2 and 1 voxels of 0.024 ml at 1.05 g/ml.
    pool = "Left ventricular blood pool"
    assert values[pool, "Volume by body surface area"] == (0.108, "mL/m2")
    assert values["Grey zone of the scar", "Mass"] == (0.0504, "g")
    assert values["Core scar", "Mass"] == (0.0252, "g")
    assert values[scar, "Share of the enhancement: mid-wall"] == (70.0, "%")
    assert values[scar, "Share of the enhancement: epicardial"] == (30.0, "%")
    assert values[scar, "Mass by body surface area"] == (0.0504, "g/m2")
    assert values[scar, "Segments likely viable by mean transmurality of at most 50 %"] == (
        15.0,
        "1",
    )
    headline = "Scar by the method of the report, sd5, remote region placed by a person"
    assert values[headline, "Volume"] == (2.0, "mL")
    assert values[headline, "Mass"] == (2.1, "g")
    assert values[headline, "Scar by a threshold, share of myocardial volume"] == (12.5, "%")
    words = words_of(report)
    pattern_name = "Pattern of the enhancement by its depth in the wall"
    assert words[scar, pattern_name] == "mid-wall"
    assert words[scar, "Whether a pixel would change the pattern"] == "uncertain"
    assert words["Segment 8, mid anteroseptal", pattern_name] == "mid-wall"
    name = "Class of mean transmurality, percent"
    assert words["Segment 8, mid anteroseptal", name] == "26-50"
    assert "Reader: Thin apex." in comments_of(report)
    assert "Scar burden: 90 % interval 10.0 to 20.0 % of myocardium" in comments_of(report)
    assert any("body surface area 2.00 m2" in text for text in comments_of(report))
    said = {
        item.ConceptNameCodeSequence[0].CodeValue: item.TextValue
        for item in report.ContentSequence
        if item.ValueType == "TEXT"
    }
    assert said["121109"] == "Syncope"
    assert said["status"] == "reviewed, accepted by Jane Doe"
    assert said["drawn_by"] == "the networks"
    assert said["accepted_at"] == "2026-11-28 13:05+00:00"
    read = highdicom.sr.ComprehensiveSR.from_dataset(report).content
    assert len(read.get_image_measurement_groups()) == 5
