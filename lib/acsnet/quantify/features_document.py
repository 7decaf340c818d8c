"""The type of `features.json`: every key with its unit and definition.

`SCHEMA` rises when a key is removed or changes its meaning. `features.schema.json` and
`docs/features.md` are generated from it: `python benchmarks/features_reference.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import TypeAdapter

from acsnet.quantify.aha_segments import KIM, Segment, Territory, viable_count
from acsnet.quantify.body_size import BodyNumbers
from acsnet.quantify.features import Features
from acsnet.quantify.field_metadata import described
from acsnet.quantify.quantification import Quantification
from acsnet.quantify.rv_insertion import Side, Source
from acsnet.quantify.scar_methods import MethodRow
from acsnet.quantify.scar_shape.pattern import ScarPattern
from acsnet.quantify.scar_shape.texture import Texture
from acsnet.quantify.scar_shape.transmurality import Transmurality
from acsnet.scan import ShortAxisScan

SCHEMA = 5


@dataclass(frozen=True, kw_only=True)
class SpacingDoc:
    """Distances between voxel centres."""

    slice: Annotated[float, described("mm", "between slices, along their normal")]
    row: Annotated[float, described("mm", "between rows")]
    column: Annotated[float, described("mm", "between columns")]


@dataclass(frozen=True, kw_only=True)
class InsertionDoc:
    """The anterior insertion of the right ventricle, from which AHA segments are counted."""

    slice: Annotated[int | None, described("", "number of a middle slice in the file, from 1")]
    row: Annotated[
        float | None,
        described("pixel", "row of the point in that slice, on the epicardium, from 0"),
    ]
    column: Annotated[float | None, described("pixel", "column of the point, from 0")]
    source: Annotated[
        Source | None,
        described(
            "",
            "automatic, given (by a person) or drawn (from a right ventricle in the label map); "
            "null if not found",
        ),
    ]
    side: Annotated[
        Side | None, described("", "what decided between anterior and inferior: header or image")
    ]
    confidence: Annotated[float | None, described("", "0 to 1, automatic only; at least 0.06")]


@dataclass(frozen=True, kw_only=True)
class RemoteDoc:
    """Remote myocardium, the reference of n-SD and, if a person gave it, of FWHM."""

    source: Annotated[str, described("", "automatic or given")]
    voxels: Annotated[int, described("", "number of voxels")]
    mean: Annotated[float | None, described("signal", "mean; null if the region is too small")]
    sd: Annotated[float | None, described("signal", "standard deviation of all its voxels")]
    median: Annotated[
        float | None,
        described("signal", "median of its voxels that are less bright than core scar"),
    ]
    spread: Annotated[
        float | None, described("signal", "1.4826 times their median absolute deviation")
    ]
    bright_percent: Annotated[
        float,
        described(
            "%",
            "share of the region that is as bright as core scar by the median of all wall outside "
            "the enhancement: 0 in normal wall",
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Interval that contains an expert's value in a share `level` of patients."""

    low: Annotated[float, described("as the measure", "lower end, not below 0")]
    high: Annotated[float, described("as the measure", "upper end; not above 100 for shares")]
    level: Annotated[float, described("", "share of patients: 0.9")]


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One doubt about the scan or its segmentation; its message is also among the warnings."""

    flag: Annotated[str, described("", "fixed name, for programs")]
    message: Annotated[str, described("", "in words, for people")]


@dataclass(frozen=True, kw_only=True)
class FeaturesDocument(Texture, ScarPattern, Transmurality, BodyNumbers, Features):
    """All of `features.json`; null where the scan or its labels do not determine a number."""

    case: Annotated[str, described("", "name of the file or folder")]
    slices: Annotated[int, described("", "number of slices of the stack")]
    spacing_mm: Annotated[SpacingDoc, described("mm", "voxel spacing of the stack")]
    remote: Annotated[RemoteDoc, described("", "the remote myocardium")]
    methods: Annotated[
        tuple[MethodRow, ...], described("", "scar by each method; empty if scar was not assessed")
    ]
    segment_model: Annotated[
        int | None,
        described("", "17, or 16 if the stack has no apical cap; null if there are no segments"),
    ]
    rv_insertion: Annotated[InsertionDoc, described("", "point from which segments are counted")]
    segments: Annotated[
        tuple[Segment, ...], described("", "always 17 entries, with null for unknown numbers")
    ]
    viable_segments: Annotated[
        int | None,
        described(
            "",
            "number of segments that are likely viable: their mean transmurality, rounded, is at "
            "most 50 %; scar through the whole wall may take a part of one",
            KIM,
        ),
    ]
    territories: Annotated[
        tuple[Territory, ...], described("", "always LAD, RCA and LCX, in this order")
    ]
    intervals: Annotated[
        dict[str, Interval] | None,
        described(
            "",
            "intervals by name of the measure; null if uncertainty was not asked for, or if none "
            "were fitted for the networks",
        ),
    ]
    slice_uncertainty: Annotated[
        tuple[float | None, ...] | None,
        described(
            "", "1 - Dice of wall and samples, 0 to 1, in file order; null for slices without wall"
        ),
    ]
    quality: Annotated[tuple[Flag, ...], described("", "quality flags; may be empty")]
    anatomy: Annotated[
        dict[str, Any] | None,
        described("", "anatomical correction of each slice; null for label maps of a person"),
    ]
    labels: Annotated[dict[str, int], described("", "value of each label in the label map")]
    seconds: Annotated[dict[str, float], described("s", "computing time of each stage")]
    schema: Annotated[int, described("", f"version of this schema: {SCHEMA}")]
    software: Annotated[dict[str, Any], described("", "version, and SHA-256 of all weights")]
    notice: Annotated[str, described("", "research use only")]


SCAR_KEYS = (
    "enhancement_volume_ml",
    "core_scar_volume_ml",
    "grey_zone_volume_ml",
    "microvascular_obstruction_volume_ml",
    "scar_burden_percent",
    "core_scar_burden_percent",
    "grey_zone_burden_percent",
    "enhancement_slices",
    "enhancement_mass_g",
    "enhancement_mass_index_g_m2",
    "core_scar_mass_g",
    "grey_zone_mass_g",
    "scar_method",
    "scar_threshold",
    "remote_intensity",
    "peak_intensity",
    "scar_transmurality_percent",
    "transmurality_max_percent",
    "transmurality_class_percent",
    "scar_endocardial_area_cm2",
    "scar_endocardial_percent",
    "scar_pattern",
    "scar_pattern_certain",
    "scar_pattern_percent",
    "scar_islands",
    "scar_island_volumes_ml",
    "scar_entropy_bits",
    "core_grey_interface_cm2",
    "viable_segments",
)
SEGMENT_SCAR_KEYS = (
    "scar_volume_ml",
    "scar_percent",
    "core_scar_percent",
    "transmurality_mean_percent",
    "transmurality_max_percent",
    "transmurality_class",
    "pattern",
)
"""Of segments and territories."""


DOCUMENT: TypeAdapter[FeaturesDocument] = TypeAdapter(FeaturesDocument)


def measured_parts(scan: ShortAxisScan, quantification: Quantification) -> dict[str, Any]:
    """The keys that follow from the scan and its measures; values may be dataclasses."""
    slice_mm, row_mm, column_mm = (round(mm, 4) for mm in scan.spacing_mm)
    return {
        **vars(quantification.features),
        **vars(quantification.body),
        **vars(quantification.transmurality),
        **vars(quantification.pattern),
        **vars(quantification.texture),
        "case": scan.name,
        "slices": len(scan.pixels),
        "spacing_mm": SpacingDoc(slice=slice_mm, row=row_mm, column=column_mm),
        "remote": RemoteDoc(
            source=quantification.remote.source,
            voxels=int(quantification.remote.mask.sum()),
            mean=quantification.remote.mean,
            sd=quantification.remote.sd,
            median=quantification.remote.median,
            spread=quantification.remote.spread,
            bright_percent=quantification.remote.bright_percent,
        ),
        "methods": quantification.methods,
        "segment_model": quantification.segment_model,
        "rv_insertion": _insertion_doc(scan, quantification),
        "segments": quantification.segments,
        "viable_segments": viable_count(quantification.segments),
        "territories": quantification.territories,
        "schema": SCHEMA,
    }


def without_scar(document: Mapping[str, Any]) -> dict[str, Any]:
    """Measures as they are on what is no short-axis LGE: volumes alone, whatever was noted.

    document: of any release, whole or in part.
    """
    out = {**document, **{key: None for key in SCAR_KEYS if key in document}}
    if document.get("methods"):
        out["methods"] = []
    if document.get("intervals"):
        kept = document["intervals"].items()
        out["intervals"] = {name: value for name, value in kept if name not in SCAR_KEYS}
    for parts in ("segments", "territories"):
        if document.get(parts):
            out[parts] = [
                {**part, **{key: None for key in SEGMENT_SCAR_KEYS if key in part}}
                for part in document[parts]
            ]
    return out


def _insertion_doc(scan: ShortAxisScan, quantification: Quantification) -> InsertionDoc:
    insertion, point = quantification.insertion, quantification.insertion_point
    number = row = column = None
    if point is not None:
        number, row, column = point[0], round(point[1], 2), round(point[2], 2)
        number = scan.grid.slice_number(number)
    return InsertionDoc(
        slice=number,
        row=row,
        column=column,
        source=getattr(insertion, "source", None),
        side=getattr(insertion, "side", None),
        confidence=getattr(insertion, "confidence", None),
    )
