"""Which reconstruction an image is, where ImageType does not tell: by its complex component."""

import pydicom
import pytest

from acsnet.io.dicom_stack.image_kinds import component_of, kind_of


def header(*image_type, name="LGE SA", **tags):
    dataset = pydicom.Dataset()
    dataset.ImageType = ["ORIGINAL", "PRIMARY", *image_type]
    dataset.SeriesDescription = name
    for tag, value in tags.items():
        setattr(dataset, tag, value)
    return dataset


def of_ge(value, *, vr="SS", slot=0x10, **tags):
    dataset = header("OTHER", **tags)
    for taken in range(0x10, slot):
        dataset.add_new((0x0043, taken), "LO", f"ANOTHER {taken}")
    block = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x2F, vr, value)
    return dataset


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        (header("IR", "NONE", ComplexImageComponent="REAL"), "phase-sensitive"),
        (header("IR", "NONE", ComplexImageComponent="MAGNITUDE"), "magnitude"),
        (header("IR", ComplexImageComponent="MAGNITUDE", name="LGE PSIR"), "magnitude"),
        (header("PSIR", ComplexImageComponent="MAGNITUDE"), "phase-sensitive"),
        (header("M", ComplexImageComponent="PHASE"), None),
        (header("IR", ComplexImageComponent="IMAGINARY", name="LGE PSIR"), None),
        (header("IR", ComplexImageComponent="MIXED"), None),
        (of_ge(0, name="PSMDE"), "magnitude"),
        (of_ge(2), "phase-sensitive"),
        (of_ge(1), None),
        (of_ge(3, name="PSMDE"), None),
    ],
)
def test_the_component_tells_the_kind(tags, kind):
    assert kind_of(tags) == kind


@pytest.mark.parametrize(
    ("tags", "component"),
    [
        (of_ge(2), "REAL"),
        (of_ge(2, slot=0x12), "REAL"),
        (of_ge(b"\x02\x00", vr="UN"), "REAL"),
        (of_ge(2, ComplexImageComponent="MAGNITUDE"), "MAGNITUDE"),
        (of_ge(-1), ""),
        (of_ge(7), ""),
        (of_ge([0, 2]), ""),
        (of_ge(None), ""),
        (header("OTHER"), ""),
    ],
)
def test_the_component_by_the_tag_or_by_the_private_one_of_ge(tags, component):
    assert component_of(tags) == component


def test_the_same_number_of_another_creator_tells_nothing():
    dataset = header("OTHER")
    dataset.private_block(0x0043, "ANOTHER", create=True).add_new(0x2F, "SS", 2)
    assert component_of(dataset) == ""
