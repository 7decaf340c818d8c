"""The JSON file that dcm2niix or BIDS put beside a volume tells what the series shows."""

import json
import shutil

import pytest

from acsnet.cohort.sources import FileSource
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.content.side_file import MAX_BYTES

OF_DCM2NIIX = {"Modality": "MR", "EchoTime": 0.0012, "ConversionSoftware": "dcm2niix"}


@pytest.fixture
def volume(samples, tmp_path):
    """Saves a phantom and a JSON file of these tags, or of this text; gives the path."""

    def save(name="pat1_9", tags=None, text=None):
        path = tmp_path / f"{name}.nii.gz"
        shutil.copy(samples / "nifti" / "phantom-1.nii.gz", path)
        text = json.dumps({**OF_DCM2NIIX, **(tags or {})}) if text is None else text
        (tmp_path / f"{name}.json").write_text(text)
        return path

    return save


@pytest.mark.parametrize(
    ("tags", "content"),
    [
        (
            {"SeriesDescription": "T1_Map_MOCO", "ImageType": ["DERIVED", "PRIMARY", "M"]},
            ("other", "short axis"),
        ),
        (
            {"SeriesDescription": "sa", "ImageType": ["DERIVED", "PRIMARY", "M", "T1 MAP"]},
            ("other", "short axis"),
        ),
        ({"SeriesDescription": "T2_STIR_sa"}, ("other", "short axis")),
        ({"SeriesDescription": "stress sa"}, ("other", "short axis")),
        ({"SeriesDescription": "cine_retro_sa"}, ("cine", "short axis")),
        ({"SeriesDescription": "LGE 4ch"}, ("lge", "long axis")),
        (
            {"SeriesDescription": "LGE", "ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]},
            ("other", "short axis"),
        ),
    ],
)
def test_other_scans_get_no_scar_whatever_the_file_is_called(volume, tags, content):
    scan = read_scan(volume("LGE_1", tags))
    assert (scan.contrast, scan.view) == content
    assert not scan.shows_scar
    assert "name and type of the series are taken from LGE_1.json" in scan.warnings


@pytest.mark.parametrize(
    "tags",
    [
        {"SeriesDescription": "LGE_SAX", "InversionTime": 0.3},
        {"SeriesDescription": "PSIR", "ImageType": ["ORIGINAL", "PRIMARY", "R", "PSIR"]},
        {"SeriesDescription": "tfi ssfp sa", "InversionTime": 0.28},
        {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"]},
    ],
)
def test_lge_is_measured_without_a_word(volume, tags):
    scan = read_scan(volume("pat1_9", tags))
    assert scan.shows_scar
    assert scan.warnings == ()


def test_without_an_inversion_time_such_a_sequence_is_a_cine(volume):
    assert read_scan(volume(tags={"SeriesDescription": "tfi ssfp sa"})).contrast == "cine"


@pytest.mark.parametrize(
    ("name", "description", "contrast"),
    [("T2_sa", "sa", "other"), ("T2_sa", None, "other"), ("Haste_5", "LGE sa", "lge")],
)
def test_the_name_counts_where_the_series_is_not_called_lge(volume, name, description, contrast):
    tags = {} if description is None else {"SeriesDescription": description}
    assert read_scan(volume(name, tags)).contrast == contrast


@pytest.mark.parametrize(
    ("name", "description", "protocol", "content"),
    [
        ("pat1_9", None, "MOLLI", ("other", "short axis")),
        ("P1_LGE", "SAX", "Cardiac Stress Perfusion", ("lge", "short axis")),
        ("P1_LGE", "stack", "LGE 4ch", ("lge", "long axis")),
        ("P1_SAX", "stack", "cine_retro", ("cine", "short axis")),
        ("P1_LGE_SAX", "MDE", "Cardiac 2ch 4ch", ("lge", "short axis")),
        ("P1_LGE_SAX", "MDE 4ch", "Cardiac", ("lge", "long axis")),
        ("P1_LGE_SAX", "T1 map", "Cardiac", ("other", "short axis")),
    ],
)
def test_the_name_counts_against_a_protocol_and_not_against_a_description(
    volume, name, description, protocol, content
):
    tags = {"ProtocolName": protocol, "InversionTime": 0.3 if "LGE" in name else None}
    tags |= {} if description is None else {"SeriesDescription": description}
    scan = read_scan(volume(name, tags))
    assert (scan.contrast, scan.view) == content


def test_another_modality_is_refused_as_in_dicom(volume):
    reason = r"Modality of pat1_9.nii.gz must be MR, got CT \(in pat1_9.json\)"
    with pytest.raises(InputError, match=reason):
        read_scan(volume(tags={"Modality": "CT"}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        '{"Modality": "CT", "SeriesDescription": "cine"}',
        '{"EchoTime": 0.001, "Modality": "MRI", "SeriesDescription": 3, "InversionTime": "1e999"}',
        '{"ImageType": "P"',
        "[" * 100_000,
        json.dumps({**OF_DCM2NIIX, "SeriesDescription": "cine", "more": "x" * MAX_BYTES}),
    ],
    ids=["empty", "list", "of others", "odd values", "cut short", "nested", "huge"],
)
def test_other_json_files_tell_nothing(volume, text):
    scan = read_scan(volume(text=text))
    assert scan.shows_scar
    assert scan.warnings == ()


def test_names_in_other_encodings_are_read(volume, tmp_path):
    path = volume()
    text = json.dumps({**OF_DCM2NIIX, "SeriesDescription": "Säule cine"}, ensure_ascii=False)
    (tmp_path / "pat1_9.json").write_bytes(text.encode("latin-1"))
    assert read_scan(path).contrast == "cine"


def test_a_cohort_measures_anew_what_got_another_json_file(volume):
    source = FileSource(case="a", path=volume())
    before = source.content()
    volume(tags={"SeriesDescription": "cine"})
    assert source.content() != before


def test_json_files_that_tell_nothing_are_no_part_of_the_content(volume, tmp_path):
    source = FileSource(case="a", path=volume(text='{"note": 1}'))
    before = source.content()
    volume(text='{"note": 2}')
    assert source.content() == before
    (tmp_path / "pat1_9.json").unlink()
    assert source.content() == before
