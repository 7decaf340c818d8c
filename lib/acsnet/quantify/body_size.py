"""Body surface area, and the volumes and masses indexed by it.

Mosteller, N Engl J Med 1987;317:1098, doi:10.1056/NEJM198710223171717: the square root of height
(cm) times weight (kg) over 3600. Unlike Du Bois (1916), it also holds for children and obese
patients. In adults of usual build the two differ by about 2 %.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any

from acsnet.errors import InputError
from acsnet.quantify.features import Features
from acsnet.quantify.field_metadata import described
from acsnet.quantify.volumes import burden_percent, mass_g
from acsnet.scan import ShortAxisScan

# Not from the paper: the plausible ranges. The index catches height and weight that were swapped.
HEIGHT_CM, WEIGHT_KG, BODY_MASS_INDEX = (30.0, 250.0), (1.0, 400.0), (7.0, 120.0)
BSA_SOURCE = "Mosteller 1987, doi:10.1056/NEJM198710223171717"

HEADER_NOT_USED = "PatientSize and PatientWeight of the header were not used"
"""How the warning begins of a body size in the header that cannot be."""


@dataclass(frozen=True, kw_only=True)
class BodySize:
    """Height and weight of a patient. Raises InputError for values outside the plausible range."""

    height_cm: float
    weight_kg: float

    def __post_init__(self) -> None:
        for name, value, (low, high), unit in (
            ("height", self.height_cm, HEIGHT_CM, "cm"),
            ("weight", self.weight_kg, WEIGHT_KG, "kg"),
        ):
            if not low <= value <= high:  # NaN fails, too
                msg = f"{name} must be {low:g} to {high:g} {unit}, got {value:g}"
                raise InputError(msg)
        index = self.weight_kg / (self.height_cm / 100.0) ** 2
        if not BODY_MASS_INDEX[0] <= index <= BODY_MASS_INDEX[1]:
            msg = (
                f"height {self.height_cm:g} cm and weight {self.weight_kg:g} kg fit no real person "
                f"(body mass index {index:.0f} kg/m2)"
            )
            raise InputError(msg)

    @property
    def surface_m2(self) -> float:
        """Body surface area (m2) by Mosteller."""
        return float((self.height_cm * self.weight_kg / 3600.0) ** 0.5)


@dataclass(frozen=True, kw_only=True)
class BodyNumbers:
    """Masses and indexed sizes; None without height and weight, or where scar is unknown."""

    height_cm: Annotated[float | None, described("cm", "as given, or PatientSize of the header")]
    weight_kg: Annotated[float | None, described("kg", "as given, or PatientWeight of the header")]
    body_surface_area_m2: Annotated[
        float | None, described("m2", "square root of height x weight / 3600", BSA_SOURCE)
    ]
    lv_volume_index_ml_m2: Annotated[
        float | None, described("ml/m2", "left ventricle with its wall, by body surface area")
    ]
    blood_pool_volume_index_ml_m2: Annotated[
        float | None, described("ml/m2", "blood pool, by body surface area")
    ]
    myocardium_mass_index_g_m2: Annotated[
        float | None, described("g/m2", "mass of the whole wall, by body surface area")
    ]
    enhancement_mass_index_g_m2: Annotated[
        float | None, described("g/m2", "mass of the enhancement, by body surface area")
    ]
    enhancement_mass_g: Annotated[float | None, described("g", "enhancement, 1.05 g/ml")]
    core_scar_mass_g: Annotated[float | None, described("g", "core scar, 1.05 g/ml")]
    grey_zone_mass_g: Annotated[float | None, described("g", "grey zone, 1.05 g/ml")]
    grey_zone_burden_percent: Annotated[
        float | None, described("%", "grey zone, share of the whole myocardium")
    ]


def body_of(
    scan: ShortAxisScan, *, height_cm: float | None = None, weight_kg: float | None = None
) -> tuple[BodySize | None, tuple[str, ...]]:
    """Body size as given, else from the DICOM header, with warnings; None if neither has it.

    Implausible values in the header (PatientSize, PatientWeight) are not used, with a warning.
    Raises InputError for given values that are implausible or incomplete.
    """
    if height_cm is not None or weight_kg is not None:
        if height_cm is None or weight_kg is None:
            msg = "body surface area needs height and weight: give both or neither"
            raise InputError(msg)
        return BodySize(height_cm=height_cm, weight_kg=weight_kg), ()
    if scan.height_cm is None or scan.weight_kg is None:
        return None, ()
    try:
        return BodySize(height_cm=scan.height_cm, weight_kg=scan.weight_kg), ()
    except InputError as error:
        return None, (f"{HEADER_NOT_USED}: {error}",)


def body_numbers(features: Features, body: BodySize | None) -> BodyNumbers:
    """Masses of scar, and volumes and masses indexed by body surface area."""

    def index(value: float | None) -> float | None:
        return None if body is None or value is None else value / body.surface_m2

    grey_ml = features.grey_zone_volume_ml
    return BodyNumbers(
        height_cm=None if body is None else body.height_cm,
        weight_kg=None if body is None else body.weight_kg,
        body_surface_area_m2=None if body is None else body.surface_m2,
        lv_volume_index_ml_m2=index(features.lv_volume_ml),
        blood_pool_volume_index_ml_m2=index(features.blood_pool_volume_ml),
        myocardium_mass_index_g_m2=index(features.myocardium_mass_g),
        enhancement_mass_index_g_m2=index(mass_g(features.enhancement_volume_ml)),
        enhancement_mass_g=mass_g(features.enhancement_volume_ml),
        core_scar_mass_g=mass_g(features.core_scar_volume_ml),
        grey_zone_mass_g=mass_g(grey_ml),
        grey_zone_burden_percent=burden_percent(grey_ml, features.myocardium_volume_ml),
    )


def with_body(document: Mapping[str, Any], body: BodySize) -> dict[str, Any]:
    """The content of `features.json` of this release with another body size given.

    It follows from the numbers there: the scan is not needed.
    """
    features = Features(**{field.name: document[field.name] for field in fields(Features)})
    warnings = [text for text in document["warnings"] if not text.startswith(HEADER_NOT_USED)]
    return {**document, **asdict(body_numbers(features, body)), "warnings": warnings}
