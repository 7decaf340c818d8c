import re

import pytest
from pydicom.dataset import Dataset

from acsnet.pacs.lge_series import lge_name, lge_series


def named(**tags):
    header = Dataset()
    for tag, value in tags.items():
        setattr(header, tag, value)
    return header


@pytest.mark.parametrize(
    "name",
    [
        "LGE SA",
        "sax_lge_stack",
        "LGE_PSIR_MAG",
        "PSIR_TFI_SA",
        "de_high-res_psir_sa",
        "DE-MRI",
        "SAX DE",
        "Delayed Enhancement",
        "2D MDE",
        "PSMDE SAX",
        "Late Gad SA",
        "late_enhancement",
        "Viability SA",
        "hyper-enhancement",
        "Realce tardio eje corto",
        "Rehaussement tardif",
        "PETIT AXE TARDIF",
        "prise de contraste tardive",
        "Enhancement tardivo",
        "captación tardía eje corto",
        "Spätaufnahme SA",
        "Spa\u0308taufnahme",
        "Sp\u00c3\u00a4taufnahme",
        "Spaet_IR_sa",
        "Spät KA",
        "SA tardif",
        "late aankleuring",
        "遅延造影",
        "延迟强化 SA",
        "晚期钆增强",
        "钆延迟 短轴",
        "지연 조영증강",
        "отсроченное контрастирование",
        "Позднее накопление гадолиния",
        "późne wzmocnienie",
        "geç kontrast SA",
        "sen uppladdning",
        "LE SA",
        "sax_LE",
        "RTG eje corto",
        "Retardo eje corto",
        "Leverett SA tardif",
        "LGEsa",
        "PSIRsax",
        "dbLGE sa",
        "3DLGE",
    ],
)
def test_names_of_lge(name):
    assert lge_name(named(SeriesDescription=name)) == f"SeriesDescription {name!r}"


@pytest.mark.parametrize(
    "name",
    [
        "cine SA",
        "CINE DE CAMARA",
        "coupe de 4 cavites",
        "Perfusion rest",
        "T1 map MOLLI post",
        "LGE TI scout",
        "TI_scout_psir",
        "localizer",
        "model",
        "bridge",
        "spatial",
        "später",
        "MRA fase tardiva",
        "MRA Spätphase",
        "vroege aankleuring",
        "T1 VIBE TARDIF 10 MIN",
        "AX T1 FS GADO TARDIVE",
        "foie tardif IR",
        "Lever sax tardi",
        "Leberprotokoll spät KA",
        "Fase venosa tardia",
        "Phase hepatobiliaire tardive",
        "pielo tardivo",
        "CINE TARDIF SA",
        "Perfusion tardive SA",
        "T2 spät SA",
        "SPAT IR AX",
        *("cine 晚期增强", "T2 지연 조영", "动脉晚期增强", "肝 晚期增强", "поздняя фаза"),
        *("отсроченное контрастирование печени", "Поздняков контраст", "박지연 SA"),
        *("Le SA", "LE", "LE MRA", "LE enhanced", "CINE PETIT AXE LE", "T1 map LE SA"),
        *("RTG", "SA retard 100", "cine SA retardo", "Sen SA", "Sen kontrast"),
        "",
    ],
)
def test_names_of_other_scans(name):
    assert lge_name(named(SeriesDescription=name)) is None


def test_protocol_and_sequence_count_too():
    header = named(SeriesDescription="SA stack", SequenceName="*tfl2d1_psir")
    assert lge_name(header) == "SequenceName '*tfl2d1_psir'"
    assert lge_name(named(ProtocolName="Viability")) == "ProtocolName 'Viability'"


@pytest.mark.parametrize(
    ("description", "is_lge"),
    [
        ("Cine FIESTA SA", False),
        ("T2 STIR SA", False),
        ("IR FIESTA SA", True),
        ("SA T1w", True),
        ("delayed", True),
    ],
)
def test_a_protocol_of_a_whole_examination_makes_no_lge_of_its_other_series(description, is_lge):
    header = named(SeriesDescription=description, ProtocolName="CARDIAC VIABILITY")
    assert (lge_name(header) is not None) is is_lge


def test_a_pattern_of_the_site_counts_in_each_name():
    header = named(SeriesDescription="Perfusion SA", ProtocolName="CARDIAC VIABILITY")
    assert lge_name(header) is None
    pattern = re.compile("viability", re.IGNORECASE)
    assert lge_name(header, pattern) == "ProtocolName 'CARDIAC VIABILITY'"


def test_the_pattern_can_be_replaced():
    pattern = re.compile("narbe", re.IGNORECASE)
    assert lge_name(named(SeriesDescription="Narbe KA"), pattern)
    assert lge_name(named(SeriesDescription="LGE"), pattern) is None


@pytest.mark.parametrize(
    ("description", "is_lge"), [("SAX PSMDE", True), ("SAX", False), ("", False)]
)
def test_a_protocol_that_holds_maps_too_hides_no_series_that_is_called_lge(description, is_lge):
    header = named(SeriesDescription=description, ProtocolName="CARDIAC LGE SMART1MAP")
    assert (lge_name(header) is not None) is is_lge


def listed_of(*uids):
    """A series called LGE of each (study, series)."""
    return lge_series(
        [
            named(SeriesDescription="LGE SA", StudyInstanceUID=study, SeriesInstanceUID=series)
            for study, series in uids
        ]
    )


def test_a_series_uid_in_a_second_study_is_told():
    listed, left_out = listed_of(("1", "3"), ("2", "3"), ("2", "4"))
    found = [(one.StudyInstanceUID, one.SeriesInstanceUID) for one in listed]
    assert found == [("1", "3"), ("2", "4")]
    assert left_out == ["1 LGE series have the SeriesInstanceUID of one in another study"]


def test_series_without_the_uids_that_they_are_asked_for_by_are_told():
    listed, left_out = listed_of(("", "3"), ("2", "x"), ("2", "4"))
    assert [one.SeriesInstanceUID for one in listed] == ["4"]
    assert left_out == ["2 LGE series have no valid StudyInstanceUID or SeriesInstanceUID"]
