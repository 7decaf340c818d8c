"""Series that go on where another ends are one ventricle, whatever they are called."""

import numpy as np
import packed_scans
import pytest
from oblique_series import numbers, series
from ways_in import by_cohort, by_command_line, by_server

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.dicom_stack.across_series.parts import joined
from acsnet.server.datastores.folder import StudiesDatastore

LOWER = series("LGE SAX", range(4), number=10, EchoTime=1.4, InversionTime=300)


def upper(name="LGE SAX cont more", places=range(4, 8), **changed):
    """What follows `LOWER`."""
    return series(name, places, number=20, **{"EchoTime": 1.4, "InversionTime": 300} | changed)


@pytest.mark.parametrize(
    "other",
    [
        upper("LGE SAX next"),
        upper("LGE 心底"),
        upper(places=[4]),
        upper(places=[-3, -2, -1]),
        upper(places=np.arange(4) + 4.05),
        upper(aside_mm=2.0),
        upper(InversionTime=340),
    ],
    ids=["next", "base", "one slice", "below", "0.4 mm on", "aside", "inversion"],
)
def test_what_goes_on_where_a_stack_ends_comes_with_it(other):
    assert numbers(joined([LOWER, other])) == [[10, 20]]


@pytest.mark.parametrize(
    "other",
    [
        upper(kind="R"),
        upper("LGE SAX PSIR"),
        upper("T2 STIR SAX"),
        upper("LGE 3CH"),
        upper(EchoTime=1.5),
        upper(InversionTime=341),
        upper(SequenceName="tse2d"),
        upper(images=2),
        upper(places=range(3, 8)),
        upper(places=range(5, 9)),
        upper(places=np.arange(4) + 4.4),
        upper(aside_mm=3.0),
        upper(places=range(4, 20)),
        upper(StudyInstanceUID="1.2.4"),
        upper(PatientID="another"),
        upper(PixelSpacing=[1.4, 2.0]),
    ],
    ids=[
        "kind", "kind by name", "T2", "long axis", "echo", "inversion", "sequence", "phases",
        "overlap", "a gap", "uneven", "far aside", "longer than a heart", "visit", "patient",
        "spacing",
    ],
)  # fmt: skip
def test_what_may_be_of_another_scan_stays_apart(other):
    assert numbers(joined([LOWER, other])) == [[10], [20]]


TOLD = {
    "FrameOfReferenceUID": "1.2.9",
    "PatientPosition": "HFS",
    "ScanOptions": ["PFP", "CG"],
    "SliceThickness": 8.0,
    "RepetitionTime": 700.0,
    "FlipAngle": 25.0,
    "TriggerTime": 600.0,
    "ContrastBolusAgent": "GADOVIST",
    "AcquisitionTime": "120000",
}


@pytest.mark.parametrize(
    ("tag", "near", "far"),
    [
        ("FrameOfReferenceUID", "", "1.2.10"),
        ("PatientPosition", "", "FFS"),
        ("ScanOptions", ["CG", "PFP"], ["PFP", "CG", "FS"]),
        ("SliceThickness", 8.05, 4.0),
        ("RepetitionTime", 777.0, 779.0),
        ("FlipAngle", "", 20.0),
        ("TriggerTime", 700.0, 701.0),
        ("ContrastBolusAgent", "Gadovist 1.0", ""),
        ("AcquisitionTime", "120500", "120501"),
        ("AcquisitionTime", "115500", "115459"),
    ],
)
def test_only_what_agrees_in_all_that_both_tell_comes_together(tag, near, far):
    """A tenth of 777 is 77.7, of 779 77.9, and 700 is 77 and 79 less."""
    lower = series("LGE SAX", range(4), number=10, **TOLD)
    for value, stacks in ((near, [[10, 20]]), (far, [[10], [20]])):
        more = series("LGE SAX next", range(4, 8), number=20, **TOLD | {tag: value})
        assert numbers(joined([lower, more])) == stacks


def test_the_time_of_the_series_counts_where_images_have_none():
    lower = series("LGE SAX", range(4), number=10, SeriesTime="080000")
    more = series("LGE SAX next", range(4, 8), number=20, SeriesTime="110000")
    assert numbers(joined([lower, more])) == [[10], [20]]


@pytest.mark.parametrize(
    ("lower", "more"),
    [
        ("LGE SA", "LGE SA aorta"),
        ("LGE SA", "IR test"),
        ("LGE SA", "foo"),
        ("IR SA pre", "IR SA post KM"),
        ("IR SA nativ", "IR SA KM"),
        ("SA IR early", "SA IR late"),
        ("SA IR früh", "SA IR spät"),
        ("LGE systole", "LGE diastole"),
        ("LGE SA", "LGE SA fat-sat"),
        ("LGE SA", "LGE SA plan"),
        ("IR rest", "IR dobu"),
    ],
)
def test_a_name_of_another_moment_place_or_purpose_is_no_part(lower, more):
    scans = [series(lower, range(4), number=10), series(more, range(4, 8), number=20)]
    assert numbers(joined(scans)) == [[10], [20]]


def test_words_that_both_names_have_part_nothing():
    both = (
        ("IR SA post KM", "post IR one"),
        ("SA IR spät", "spät SA IR one"),
        ("Press IR", "Poster IR"),
    )
    for first, second in both:
        scans = [series(first, range(4), number=10), series(second, range(4, 8), number=20)]
        assert numbers(joined(scans)) == [[10, 20]]


def test_a_row_that_is_longer_than_a_heart_is_no_stack():
    """Two of eight slices, 8 mm apart, are 120 mm from end to end, and all three are 184 mm."""
    names = {1: "LGE one x", 2: "LGE two y", 3: "LGE three z"}
    parts = [series(names[n], range(8 * n, 8 * n + 8), number=n) for n in names]
    assert numbers(joined(parts)) == [[1], [2], [3]]


def test_parts_in_a_row_are_one_stack():
    parts = [
        series(name, places, number=number)
        for number, name, places in (
            (1, "Spitzen", [0, 1]), (2, "Zentrum", [2]), (3, "Klappen", [3]), (4, "Ende", [4, 5])
        )
    ]  # fmt: skip
    assert numbers(joined(parts)) == [[1, 2, 3, 4]]


def test_single_slices_alone_tell_no_step():
    parts = [series(3 * "abc"[place], [place], number=place) for place in range(3)]
    assert numbers(joined(parts)) == [[0], [1], [2]]


def test_where_two_series_may_follow_none_does():
    both = [upper("LGE SAX next"), series("LGE SAX more", range(4, 8), number=30)]
    for file in both[1]:
        file.header.EchoTime, file.header.InversionTime = 1.4, 300
    assert numbers(joined([LOWER, *both])) == [[10], [20], [30]]


@pytest.mark.parametrize(("repeats", "stacks"), [(True, [[10, 20, 30]]), (False, [[10, 20], [30]])])
def test_a_slice_taken_again_comes_with_a_part_of_another_name(repeats, stacks):
    again = series("LGE SAX next repeat", [4], number=30, EchoTime=1.4, InversionTime=300)
    groups = joined([LOWER, upper("LGE SAX next"), again], repeats=repeats)
    assert numbers(groups) == stacks


def written(datasets, folder, **tags):
    """A stack as two series of four slices, the second called otherwise; tags: of that one."""
    for index, dataset in enumerate(datasets):
        half = index // 4
        dataset.SeriesInstanceUID, dataset.SeriesNumber = f"1.2.3.{half}", 20 + half
        dataset.SeriesDescription = ("LGE SAX", "LGE SAX next")[half]
        for tag, value in tags.items() if half else ():
            setattr(dataset, tag, value)
    return packed_scans.write(folder, datasets)


@pytest.mark.parametrize("read", [by_command_line, by_cohort, by_server])
def test_parts_of_other_names_are_one_scan_by_every_way_in(patient_1, plain, tmp_path, read):
    folder = written(patient_1, tmp_path / "studies")
    (scan,) = read(folder)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    (remark,) = scan.warnings
    assert remark == (
        "2 series of one slice or a few each ('LGE SAX', 'LGE SAX next') joined to one stack"
    )
    np.testing.assert_array_equal(read_scan(folder, series="20").pixels, plain.pixels)


def test_series_that_may_be_parts_are_told_with_the_way_to_join_them(patient_1, plain, tmp_path):
    folder = written(patient_1, tmp_path / "case", InversionTime=900)
    told = "; series 20, 21 lie end to end, as parts of one stack do: several UIDs or numbers"
    with pytest.raises(InputError, match=told):
        read_scan(folder)
    np.testing.assert_array_equal(read_scan(folder, series="20,21").pixels, plain.pixels)


def test_series_of_one_number_that_may_be_parts_are_told_by_their_uids(patient_1, tmp_path):
    folder = written(patient_1, tmp_path, InversionTime=900, SeriesNumber=20)
    with pytest.raises(InputError, match=r"; series 1\.2\.3\.0, 1\.2\.3\.1 lie end to end"):
        read_scan(folder)


@pytest.mark.parametrize("tags", [{"InversionTime": 900}, {"FrameOfReferenceUID": "1.2.9"}])
def test_series_that_may_be_parts_and_are_measured_alone_are_told_of_each_other(
    patient_1, tmp_path, tags
):
    folder = written(patient_1, tmp_path / "studies", **tags)
    told = "('LGE SAX{}') lies where the next slices would: the ventricle may be cut in two"
    first, second = by_cohort(folder)
    assert first.warnings[0].startswith("series 21 " + told.format(" next"))
    assert second.warnings[0].startswith("series 20 " + told.format(""))
    store = StudiesDatastore(studies=folder, store=tmp_path / "store")
    warnings = [store.verdict(image).warnings for image in sorted(store.list_images())]
    assert [texts[0] for texts in warnings] == [first.warnings[0], second.warnings[0]]
    store.close()
    assert first.warnings[0] in read_scan(folder, series="20").warnings


def test_a_series_taken_as_the_only_lge_is_told_what_lies_next_to_it(patient_1, tmp_path):
    folder = written(patient_1, tmp_path / "case", SeriesDescription="SAX next")
    scan = read_scan(folder)
    assert scan.pixels.shape[0] == 4
    told = "series 21 ('SAX next') lies where the next slices would"
    assert any(text.startswith(told) for text in scan.warnings)


@pytest.mark.parametrize(
    "tags",
    [
        {"ScanningSequence": "GR"},
        {"SequenceName": "trufi"},
        {"SeriesDescription": "SA plan"},
        {"SeriesDescription": "LGE SAX subtraction"},
        {"SeriesDescription": "T2 SAX"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
        {"AcquisitionDate": "20200102"},
        {"PatientID": "", "PatientName": "Another"},
    ],
    ids=["sequence", "its name", "planning", "subtraction", "T2", "localizer", "day", "patient"],
)
def test_what_is_no_part_raises_no_alarm_beside_a_stack(patient_1, tmp_path, tags):
    for dataset in patient_1:
        dataset.ScanningSequence, dataset.SequenceName = ["GR", "IR"], "tfl"
    folder = written(patient_1, tmp_path / "case", InversionTime=900, **tags)
    for scan in by_cohort(folder):
        assert not any("lies where the next slices would" in text for text in scan.warnings)
