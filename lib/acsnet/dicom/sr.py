"""The measures of a scan as DICOM structured report, TID 1500 "Measurement Report".

One group for each label, linked to its segment of the SEG; one for each union of labels and one for
each AHA segment, linked to the images. Unknown numbers are left out, and groups without any number.
Burdens have private codes, because no standard scheme has them. Two groups of one finding are told
apart by codes: scar by its Measurement Method, the wall by the part of it.
"""

from collections.abc import Sequence

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import (
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    ReferencedSegment,
    RelationshipTypeValues,
    SourceImageForSegmentation,
    TextContentItem,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from acsnet import NOTICE, __version__
from acsnet.dicom.header import clean_headers
from acsnet.dicom.provenance import (
    MAKER,
    State,
    check_creator,
    equipment_and_series,
    finished,
    made_of,
)
from acsnet.dicom.references import refer, stand_ins
from acsnet.dicom.seg_write import snomed
from acsnet.dicom.sr_content import (
    AS_DRAWN,
    COUNT,
    GRAM,
    GRAM_BY_AREA,
    MASS,
    MILLILITRE,
    MILLILITRE_BY_AREA,
    NOT_ENHANCED,
    OWN_SCHEME,
    PERCENT,
    VOLUME,
    VOLUMES_ONLY,
    WALL_PART,
    WHOLE_WALL,
    Clinical,
    Value,
    evaluations,
    measurements,
    method_code,
    pattern_shares,
    pattern_words,
    region_group,
    texts,
    tracking,
)
from acsnet.dicom.sr_segments import segment_groups
from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import text_of
from acsnet.labels import LABELS, LEFT_VENTRICLE_SITE, MYOCARDIUM_SITE, SCAR, Label
from acsnet.quantify.aha_segments import Segment
from acsnet.quantify.features import Features, split_words
from acsnet.quantify.scar_methods import FROM_REMOTE

SERIES_OFFSET = 2
SCAR_BURDEN = Code("scar_burden", OWN_SCHEME, "Enhancement, share of myocardial volume")
METHOD_BURDEN = Code("method_burden", OWN_SCHEME, "Scar by a threshold, share of myocardial volume")
CORE_BURDEN = Code("core_scar_burden", OWN_SCHEME, "Core scar, share of myocardial volume")
MASS_INDEX = Code("mass_index", OWN_SCHEME, "Mass by body surface area")
VOLUME_INDEX = Code("volume_index", OWN_SCHEME, "Volume by body surface area")
VIABLE = Code(
    "viable_segments", OWN_SCHEME, "Segments likely viable by mean transmurality of at most 50 %"
)


def make_sr(
    features: Features,
    seg: Dataset,
    sources: Sequence[Dataset],
    *,
    segments: Sequence[Segment],
    state: State,
    creator: str,
    clinical: Clinical = VOLUMES_ONLY,
) -> Dataset:
    """Make a Comprehensive SR of volumes (ml), mass (g), burden (%) and scar of each segment.

    seg: the SEG that was measured, from `make_seg`; sources: its images; clinical: what the report
    says beside. A draft is preliminary; nothing is verified in the sense of DICOM. Raises
    InputError as `make_seg` does, and for a SEG of another study.
    """
    with made_of(sources):
        headers = clean_headers(sources)
        others = stand_ins(headers)
        if text_of(seg, "StudyInstanceUID") != headers[0].StudyInstanceUID:
            msg = (
                f"SEG and images must be of one study, got {text_of(seg, 'StudyInstanceUID')} "
                f"and {headers[0].StudyInstanceUID}"
            )
            raise InputError(msg)
        report = MeasurementReport(
            observation_context=_observers(state, check_creator(creator)),
            procedure_reported=codes.SCT.CardiacMRI,
            imaging_measurements=[
                *_segment_groups(features, seg, others, clinical),
                *_region_groups(features, others, clinical),
                *segment_groups(segments, others),
            ],
            title=codes.DCM.ImagingMeasurementReport,
        )
        for text in _remarks(features):
            comment = TextContentItem(
                name=codes.DCM.Comment,
                value=text,
                relationship_type=RelationshipTypeValues.CONTAINS,
            )
            report[0].ContentSequence.append(comment)
        report[0].ContentSequence.extend(texts(clinical))
        document = ComprehensiveSR(
            evidence=[*others, seg],
            content=report,
            is_complete=True,
            is_final=state == "reviewed",
            coding_schemes=[
                CodingSchemeIdentificationItem(OWN_SCHEME, name="ACSNet measures", version="2")
            ],
            **equipment_and_series(sources, offset=SERIES_OFFSET, state=state),
        )
        return refer(finished(document), others=others, headers=headers)


def _remarks(features: Features) -> list[str]:
    """What the report says of all its numbers."""
    remarks = [NOTICE, *features.warnings]
    if features.myocardium_volume_ml is not None and features.enhancement_volume_ml is None:
        remarks.append("Scar was not assessed.")
    if words := split_words(vars(features)):
        remarks.append(words)
    return remarks


def _observers(state: State, creator: str) -> ObservationContext:
    """The software as observer, and the person for a reviewed scan."""
    device = ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=generate_uid(entropy_srcs=[MAKER, __version__]),
            name=MAKER,
            manufacturer_name=MAKER,
            model_name=f"{MAKER} {__version__}",
        ),
    )
    if state == "draft":
        return ObservationContext(observer_device_context=device)
    person = ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=PersonObserverIdentifyingAttributes(name=creator),
    )
    return ObservationContext(observer_person_context=person, observer_device_context=device)


def _segment_groups(
    features: Features, seg: Dataset, headers: Sequence[Dataset], clinical: Clinical
) -> list[VolumetricROIMeasurementsAndQualitativeEvaluations]:
    body = clinical.body
    sizes: dict[Label, list[Value]] = {}
    if body is not None:
        index = body.blood_pool_volume_index_ml_m2
        sizes = {
            Label.LV_BLOOD_POOL: [(VOLUME_INDEX, index, MILLILITRE_BY_AREA)],
            Label.GREY_ZONE: [(MASS, body.grey_zone_mass_g, GRAM)],
            Label.CORE_SCAR: [(MASS, body.core_scar_mass_g, GRAM)],
        }
    parts = {Label.LV_MYOCARDIUM: [(WALL_PART, NOT_ENHANCED)]}
    volumes_ml = {
        Label.LV_BLOOD_POOL: features.blood_pool_volume_ml,
        Label.LV_MYOCARDIUM: (
            None
            if features.myocardium_volume_ml is None or features.enhancement_volume_ml is None
            else features.myocardium_volume_ml - features.enhancement_volume_ml
        ),
        Label.GREY_ZONE: features.grey_zone_volume_ml,
        Label.CORE_SCAR: features.core_scar_volume_ml,
        Label.MICROVASCULAR_OBSTRUCTION: features.microvascular_obstruction_volume_ml,
    }
    return [
        VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking(info.description),
            referenced_segment=ReferencedSegment(
                sop_class_uid=seg.SOPClassUID,
                sop_instance_uid=seg.SOPInstanceUID,
                segment_number=int(info.label),
                source_images=[
                    SourceImageForSegmentation(header.SOPClassUID, header.SOPInstanceUID)
                    for header in headers
                ],
            ),
            finding_category=snomed(info.category),
            finding_type=snomed(info.kind),
            finding_sites=None if info.site is None else [FindingSite(snomed(info.site))],
            measurements=measurements(
                (VOLUME, volumes_ml[info.label], MILLILITRE), *sizes.get(info.label, ())
            ),
            qualitative_evaluations=evaluations(*parts.get(info.label, ())),
        )
        for info in LABELS
        if volumes_ml[info.label] is not None
    ]


def _region_groups(
    features: Features, headers: Sequence[Dataset], clinical: Clinical
) -> list[MeasurementsAndQualitativeEvaluations]:
    body, pattern = clinical.body, clinical.pattern

    def sized(name: str) -> float | None:
        return None if body is None else getattr(body, name)

    groups = [
        region_group(
            "Left ventricle, wall and blood pool",
            snomed(LEFT_VENTRICLE_SITE),
            None,
            headers,
            (VOLUME, features.lv_volume_ml, MILLILITRE),
            (VOLUME_INDEX, sized("lv_volume_index_ml_m2"), MILLILITRE_BY_AREA),
        ),
        region_group(
            "Left ventricular myocardium, enhancement included",
            snomed(MYOCARDIUM_SITE),
            None,
            headers,
            (VOLUME, features.myocardium_volume_ml, MILLILITRE),
            (MASS, features.myocardium_mass_g, GRAM),
            (MASS_INDEX, sized("myocardium_mass_index_g_m2"), GRAM_BY_AREA),
            words=[(WALL_PART, WHOLE_WALL)],
        ),
        region_group(
            "Enhancement: core scar, grey zone and microvascular obstruction",
            snomed(SCAR),
            snomed(MYOCARDIUM_SITE),
            headers,
            (VOLUME, features.enhancement_volume_ml, MILLILITRE),
            (SCAR_BURDEN, features.scar_burden_percent, PERCENT),
            (CORE_BURDEN, features.core_scar_burden_percent, PERCENT),
            (MASS, sized("enhancement_mass_g"), GRAM),
            (MASS_INDEX, sized("enhancement_mass_index_g_m2"), GRAM_BY_AREA),
            (VIABLE, clinical.viable_segments, COUNT),
            *pattern_shares(pattern),
            words=pattern_words(pattern),
            method=AS_DRAWN,
        ),
    ]
    if (scar := clinical.headline) is not None and scar.scar_volume_ml is not None:
        name = f"Scar by the method of the report, {scar.method}"
        if clinical.remote_given and scar.method in FROM_REMOTE:
            name += ", remote region placed by a person"
        headline = region_group(
            name,
            snomed(SCAR),
            snomed(MYOCARDIUM_SITE),
            headers,
            (VOLUME, scar.scar_volume_ml, MILLILITRE),
            (MASS, scar.scar_mass_g, GRAM),
            (METHOD_BURDEN, scar.scar_burden_percent, PERCENT),
            method=method_code(scar.method),
        )
        groups.append(headline)
    return [group for group in groups if group.get_measurements()]
