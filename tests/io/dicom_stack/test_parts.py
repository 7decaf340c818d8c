"""Series that are parts of one ventricle are one scan, or none; never half of it."""

from pathlib import Path

import enhanced_packings
import numpy as np
import packed_scans
import pytest
from oblique_stack import NORMAL, STEP_MM, image
from ways_in import by_cohort, by_command_line, by_server

from acsnet.errors import AcsnetError
from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.dicom_stack.across_series.parts import joined
from acsnet.io.finder import scans_of
from acsnet.io.series import SeriesFinder


def series(name, places, *, kind="M"):
    """Slices of one series by their place in steps of the stack; its number is the first of them.

    kind: as the third value of ImageType.
    """
    files = []
    for number, place in enumerate(places):
        dataset = image(number, series=f"1.2.3.{name}")
        dataset.ImagePositionPatient = [*map(float, STEP_MM * place * NORMAL)]
        dataset.ImageType, dataset.SeriesNumber = ["ORIGINAL", "PRIMARY", kind], 1 + int(places[0])
        files.append(DicomFile(Path(f"{name}-{number}"), f"{name}-{number}", dataset))
    return files


def names(groups):
    """Which series were joined, each by its name."""
    uids = [list(dict.fromkeys(f.text("SeriesInstanceUID") for f in group)) for group in groups]
    return [[uid.rpartition(".")[2] for uid in group] for group in uids]


LOWER, UPPER = range(4), range(4, 8)


@pytest.mark.parametrize("upper_from", [4.06, 4.1, 5.5], ids=["0.5 mm", "0.8 mm", "a slice"])
def test_halves_come_together_whatever_lies_between_them(upper_from):
    """The reader measures a small gap, and refuses a missing slice: neither is half a heart."""
    upper = np.arange(4) + upper_from
    assert names(joined([series(10, LOWER), series(20, upper)])) == [["10", "20"]]


def test_long_halves_come_together():
    groups = joined([series(10, range(13)), series(20, range(13, 30))])
    assert names(groups) == [["10", "20"]]


@pytest.mark.parametrize("aside_mm", [1e-5, 0.4])
def test_a_slice_repeated_a_little_aside_does_not_part_halves(aside_mm):
    repeated = [0, 1, 2, 3, 1 + aside_mm / STEP_MM]
    assert names(joined([series(10, repeated), series(20, UPPER)])) == [["10", "20"]]


@pytest.mark.parametrize("again", [LOWER, range(5)], ids=["one half", "a slice of the other"])
def test_what_was_repeated_of_halves_comes_with_them(again):
    parts = [series(10, LOWER), series(11, again), series(20, UPPER)]
    assert names(joined(parts)) == [["10", "11", "20"]]


def test_magnitude_and_phase_sensitive_halves_come_together():
    parts = [
        series(number, half, kind=kind)
        for number, half, kind in (
            (10, LOWER, "M"), (11, LOWER, "R"), (20, UPPER, "M"), (21, UPPER, "R")
        )
    ]  # fmt: skip
    assert names(joined(parts)) == [["10", "11", "20", "21"]]


@pytest.mark.parametrize(
    "other",
    [range(8), [0.5], [2.4, 3.4, 4.4], np.arange(8) + 0.3],
    ids=["the same places", "one between", "three between", "planned anew"],
)
def test_whole_ventricles_of_one_name_stay_apart(other):
    """What lies between its slices cuts nothing off a stack."""
    assert names(joined([series(10, range(8)), series(20, other, kind="R")])) == [["10"], ["20"]]


def called(name, group):
    """A series under another name."""
    for file in group:
        file.header.SeriesDescription = name
    return group


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ("LGE SAX apical", "LGE SAX basal"),
        ("LGE_SAX_APEX", "LGE_SAX_Base"),
        ("LGE SAX", "LGE SAX mid-ventricular"),
        ("LGE SAX 1 of 2", "LGE SAX 2 of 2"),
        ("LGE SAX", "LGE SAX part 2"),
        ("LGE SAX lower half", "LGE SAX upper half"),
    ],
)
def test_halves_that_are_called_by_their_part_come_together(lower, upper):
    groups = joined([called(lower, series(10, LOWER)), called(upper, series(20, UPPER))])
    assert names(groups) == [["10", "20"]]


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ("LGE SAX MAG apical", "LGE SAX PSIR basal"),
        ("cine SAX apical", "LGE SAX basal"),
        ("LGE SAX apical", "LGE 3CH basal"),
        ("LGE SAX", "LGE SAX baseline"),
    ],
)
def test_series_that_are_called_by_more_than_their_part_stay_apart(lower, upper):
    groups = joined([called(lower, series(10, LOWER)), called(upper, series(20, UPPER))])
    assert names(groups) == [["10"], ["20"]]


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("LGE SAX extra", np.arange(9) + 0.5),
        ("LGE SAX base", np.arange(10) + 0.5),
        ("LGE SAX extra", [10.5]),
        ("LGE SAX mid", [4.5]),
        ("LGE SAX half", np.arange(10) + 10),
        ("LGE SAX extra", [12]),
    ],
    ids=["between", "planned anew", "half a step on", "one between", "half dose", "far on"],
)
def test_what_is_called_a_part_and_does_not_go_on_with_the_stack_stays_apart(name, places):
    whole, other = called("LGE SAX", series(10, range(10))), called(name, series(20, places))
    assert names(joined([whole, other])) == [["10"], ["20"]]


def test_an_extra_slice_that_goes_on_with_the_stack_comes_with_it():
    whole, extra = (
        called("LGE SAX", series(10, range(8))),
        called("LGE SAX extra slice", series(20, [8])),
    )
    assert names(joined([whole, extra])) == [["10", "20"]]


def test_an_extra_series_does_not_part_what_is_called_alike():
    halves = [called("LGE SAX", series(10, LOWER)), called("LGE SAX", series(20, UPPER))]
    extra = called("LGE SAX extra", series(30, [0.5, 2.5, 4.5]))
    assert names(joined([*halves, extra])) == [["10", "20"], ["30"]]


@pytest.mark.parametrize(
    ("step", "tags", "are_joined"),
    [
        (1, {"SliceThickness": 8}, True),
        (1, {"SliceThickness": 6}, True),
        (2, {"SliceThickness": 8, "SpacingBetweenSlices": 16}, True),
        (2, {"SliceThickness": 8}, False),
        (3, {"SliceThickness": 8, "SpacingBetweenSlices": 8}, False),
        (1, {}, False),
    ],
)
def test_single_slices_called_by_their_part_are_a_stack_if_they_lie_as_close_as_slices_do(
    step, tags, are_joined
):
    """Steps of 8 mm: three slices 24 mm apart stand for a ventricle, and are none."""
    groups = [
        called(f"LGE {part}", series(10 * number, [step * number]))
        for number, part in enumerate(("apical", "mid", "basal"), start=1)
    ]
    for (file,) in groups:
        for tag, value in tags.items():
            setattr(file.header, tag, value)
    one, three = [["10", "20", "30"]], [["10"], ["20"], ["30"]]
    assert names(joined(groups)) == (one if are_joined else three)


def test_slices_of_a_map_that_are_called_by_their_part_are_no_stack():
    groups = [
        called(f"T1 map {part}", series(10 * number, [number]))
        for number, part in enumerate(("apex", "mid", "base"), start=1)
    ]
    assert names(joined(groups)) == [["10"], ["20"], ["30"]]


def test_some_slices_that_are_taken_again_under_the_name_of_their_part_stay_apart():
    whole, again = (
        called("LGE SAX", series(10, range(8))),
        called("LGE SAX apex", series(20, [0, 1])),
    )
    assert names(joined([whole, again])) == [["10"], ["20"]]


@pytest.mark.parametrize("read", [by_command_line, by_cohort, by_server])
def test_halves_that_are_called_by_their_part_are_one_scan(patient_1, plain, tmp_path, read):
    for index, dataset in enumerate(patient_1):
        dataset.SeriesInstanceUID = f"1.2.3.{index // 4}"
        dataset.SeriesDescription = ("LGE SAX apical", "LGE SAX basal")[index // 4]
    (scan,) = read(packed_scans.write(tmp_path / "studies", patient_1))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    told = "2 series of one slice or a few each ('LGE SAX apical', 'LGE SAX basal') joined"
    assert scan.warnings[0].startswith(told)


@pytest.mark.parametrize("phases", [1, 2])
@pytest.mark.parametrize("keep_groups", [True, False])
def test_halves_in_enhanced_objects_come_together(patient_1, tmp_path, phases, keep_groups):
    """The search of a folder keeps few tags of an object, and not where its frames lie."""
    folder = enhanced_halves(patient_1, tmp_path, phases=phases)
    found = SeriesFinder(folder).find()
    assert not any("PerFrameFunctionalGroupsSequence" in f.header for s in found for f in s.files)
    if keep_groups:
        objects = packed_scans.slices(folder)
        files = [DicomFile(Path(f"{n}"), f"{n}", dataset) for n, dataset in enumerate(objects)]
        assert [len(group) for group in joined([[file] for file in files])] == [2]
    else:
        whole, *each = scans_of(found)
        assert len(whole.files) == 2
        assert [scan.phase for scan in each] == ([1, 2] if phases == 2 else [])


def enhanced_halves(datasets, root, *, phases=1):
    """Two series of one enhanced object of four slices each."""
    halves = datasets[:4], datasets[4:]
    for number, half in enumerate(halves):
        half[0].SeriesInstanceUID, half[0].SeriesNumber = f"1.2.3.{number}", 10 + number
        enhanced_packings.enhanced_multi_frame(half, root / "one", phases=phases)
        (root / "studies").mkdir(exist_ok=True)
        (root / "one" / "enhanced.dcm").rename(root / "studies" / f"{number}.dcm")
    return root / "studies"


@pytest.mark.parametrize("read", [by_command_line, by_cohort, by_server])
def test_halves_in_enhanced_objects_are_one_scan(patient_1, plain, tmp_path, read):
    (scan,) = read(enhanced_halves(patient_1, tmp_path))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert "2 series" in scan.warnings[0]


@pytest.mark.parametrize("read", [by_command_line, by_cohort, by_server])
def test_halves_without_the_slice_between_them_are_refused(patient_1, tmp_path, read):
    for index, dataset in enumerate(patient_1):
        dataset.SeriesInstanceUID = f"1.2.3.{index // 5}"
    folder = packed_scans.write(tmp_path / "studies", [*patient_1[:4], *patient_1[5:]])
    with pytest.raises(AcsnetError, match=r"slices are missing, 20\.00 mm between"):
        read(folder)


def test_breath_holds_of_several_frames_are_one_stack_that_asks(patient_1, tmp_path):
    for number, dataset in enumerate(patient_1):
        dataset.SeriesInstanceUID, dataset.SeriesNumber = f"1.2.3.{number}", 20 + number
        enhanced_packings.enhanced_multi_frame([dataset], tmp_path / "one", phases=2)
        (tmp_path / "studies").mkdir(exist_ok=True)
        (tmp_path / "one" / "enhanced.dcm").rename(tmp_path / "studies" / f"{number}.dcm")
    with pytest.raises(AcsnetError, match="2 images at each of 8 slice positions"):
        by_command_line(tmp_path / "studies")
    whole, first, second = scans_of(SeriesFinder(tmp_path / "studies").find())
    assert (len(whole.files), whole.phase, first.phase, second.phase) == (8, None, 1, 2)


def single_slices(name, places, *, number):
    """A series for each slice, all called alike."""
    groups = []
    for place in places:
        groups.append(series(number + place, [place]))
        groups[-1][0].header.SeriesDescription = name
    return groups


@pytest.mark.parametrize(
    ("early", "late"),
    [
        ("LGE SAX 10min", "LGE SAX 20 min"),
        ("PSIR TI 300", "PSIR TI320"),
        ("LGE 250 ms", "LGE 300ms"),
    ],
)
def test_slices_at_two_times_after_contrast_are_two_stacks(early, late):
    """Even where the later one is shorter: a slice of it is no repeat of the earlier one."""
    groups = [*single_slices(early, range(8), number=10), *single_slices(late, range(5), number=50)]
    assert names(joined(groups)) == [
        [f"{10 + place}" for place in range(8)],
        [f"{50 + place}" for place in range(5)],
    ]


@pytest.mark.parametrize("again", [[4], [4, 5, 6, 7], [5, 6, 7]], ids=["one", "half", "the rest"])
def test_slices_with_an_inversion_time_of_their_own_are_of_the_stack(again):
    places = [place for place in range(8) if place < 5 or place not in again]
    first = single_slices("PSIR TI 300", places, number=10)
    groups = [*first, *single_slices("PSIR TI 320", again, number=50)]
    assert [len(group) for group in joined(groups)] == [len(groups)]
