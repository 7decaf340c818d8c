"""What the first page says, and what it must not say."""

import pytest

from acsnet.quantify.aha_segments import NAMES
from acsnet.quantify.scar_shape.transmurality import transmurality_class
from acsnet.report.findings import headline, segment_rows, size_rows, statements


def segments(**scar):
    """Segments 1 to 16, those named by number as (scar %, class, pattern), and an absent apex."""
    rows = []
    for number, name in enumerate(NAMES, start=1):
        percent, class_, pattern = scar.get(f"s{number}", (0.0, "0", None))
        rows.append(
            {
                "segment": number,
                "name": name,
                "scar_volume_ml": percent / 10,
                "scar_percent": percent,
                "transmurality_mean_percent": percent,
                "transmurality_class": class_,
                "pattern": pattern,
            }
        )
    rows[16].update(
        scar_volume_ml=None,
        scar_percent=None,
        transmurality_mean_percent=None,
        transmurality_class=None,
    )
    return rows


@pytest.fixture
def features(measured):
    return {
        **measured.features_dict(),
        "segments": segments(
            s7=(80.0, "76-100", "transmural"),
            s13=(30.0, "26-50", "mixed"),
            s8=(0.2, "0", "subendocardial"),
        ),
        "viable_segments": 15,
        "scar_pattern": "transmural",
        "scar_pattern_certain": True,
        "scar_pattern_percent": {
            "subendocardial": 30.0,
            "transmural": 69.8,
            "mid-wall": 0.2,
            "epicardial": 0.0,
        },
        "microvascular_obstruction_volume_ml": 1.25,
    }


def test_findings_say_where_how_deep_and_what_is_viable(features):
    assert statements(features) == [
        "Late gadolinium enhancement in 2 segments: mid anterior (7), apical anterior (13); "
        "traces in 1 more segment.",
        "Pattern: transmural (transmural 70 %, subendocardial 30 % of the scar).",
        "Likely viable by the mean transmurality of the segment (at most 50 %): 15 of 16 segments; "
        "not: mid anterior (7).",
        "Microvascular obstruction: 1.3 ml.",
    ]


def test_a_viable_segment_with_transmural_scar_in_a_part_of_it_is_named(features):
    features["segments"] = segments(
        s4=(25.0, "1-25", "transmural"),
        s8=(0.4, "0", "transmural"),  # a trace
        s10=(46.0, "26-50", "mixed"),
        s12=(60.0, "51-75", "transmural"),
    )
    assert statements(features)[2] == (
        "Likely viable by the mean transmurality of the segment (at most 50 %): 15 of 16 segments, "
        "of which transmural in part: basal inferior (4); not: mid anterolateral (12)."
    )


def with_apex(features, percent, *, others=True):
    """Features of a stack with an apical cap, which no radial chord crosses."""
    if not others:
        features["segments"] = segments()
    features["segments"][16].update(scar_volume_ml=percent / 10, scar_percent=percent)
    features["segment_model"] = 17
    return features


def test_scar_in_an_apex_without_chords_is_named_by_its_share_of_the_wall(features):
    where, pattern, viable, _ = statements(with_apex(features, 100.0))
    assert where == (
        "Late gadolinium enhancement in 3 segments: apex (17, 100 % of its wall), "
        "mid anterior (7), apical anterior (13); traces in 1 more segment."
    )
    assert pattern == (
        "Pattern: transmural (transmural 70 %, subendocardial 30 % of the scar; "
        "not judged: apex (17))."
    )
    assert viable == (
        "Likely viable by the mean transmurality of the segment (at most 50 %): 15 of 16 segments; "
        "not: mid anterior (7); not judged: apex (17)."
    )


def test_scar_in_the_apex_alone_is_no_trace_and_has_no_pattern(features):
    features |= {"scar_pattern": None, "scar_pattern_percent": None, "viable_segments": 16}
    assert statements(with_apex(features, 62.0, others=False))[:3] == [
        "Late gadolinium enhancement in 1 segment: apex (17, 62 % of its wall).",
        "Pattern: not known, no radial chord of the wall meets the scar.",
        "Likely viable by the mean transmurality of the segment (at most 50 %): 16 of 16 segments; "
        "not judged: apex (17).",
    ]


@pytest.mark.parametrize(("percent", "trace"), [(0.9, True), (1.0, False)])
@pytest.mark.parametrize("class_", ["0", None])
def test_a_trace_is_less_than_a_hundredth_of_the_wall(features, percent, class_, trace):
    features["segments"] = segments(s8=(percent, class_, None))
    where = statements(features)[0]
    assert where.startswith("Traces") == trace
    assert ("mid anteroseptal (8, 1 % of its wall)" in where) != trace


def test_a_wall_that_no_chord_crosses_is_not_judged(features):
    rows = {f"s{number}": (10.0, None, None) for number in range(1, 17)}
    features |= {"segments": segments(**rows), "viable_segments": None}
    assert statements(features)[2] == "Viability: not known, no radial chord crosses the wall."


def test_without_segments_nothing_is_said_of_viability(features):
    features |= {"segment_model": None, "viable_segments": None}
    assert [text.partition(":")[0] for text in statements(features)] == [
        "Late gadolinium enhancement is present; its segments are not known.",
        "Pattern",
        "Microvascular obstruction",
    ]


def test_without_a_wall_nothing_is_said_of_scar(features):
    assert statements({**features, "enhancement_volume_ml": 0.0, "myocardium_volume_ml": 0.0}) == []


def test_an_uncertain_pattern_says_so(features):
    features["scar_pattern_certain"] = False
    assert statements(features)[1].endswith("Uncertain: a pixel would change it.")


def test_no_scar_is_said_and_unknown_scar_is_no_number(features):
    assert statements({**features, "enhancement_volume_ml": 0.0}) == [
        "No late gadolinium enhancement."
    ]
    unknown = {**features, "enhancement_volume_ml": None, "methods": []}
    assert statements(unknown) == []
    assert headline(unknown, "sd5").note.startswith("not assessed")
    scar = headline(unknown, "drawn")
    assert (scar.burden_percent, scar.mass_g, scar.volume_ml) == (None, None, None)
    assert "not assessed" in scar.note


def test_labels_in_which_nobody_drew_scar_do_not_say_that_there_is_none(features):
    warnings = ["no scar is drawn: 0 holds only if somebody looked for it"]
    bare = {**features, "enhancement_volume_ml": 0.0, "warnings": warnings}
    assert statements(bare) == ["No scar is drawn in these labels."]


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        (
            {"warnings": ["this looks like cine, not LGE (by its name): no scar"]},
            "not assessed, because this is not a short-axis scan of late gadolinium enhancement",
        ),
        ({"warnings": ["slice 3 is open"]}, "not assessed: these labels hold no scar"),
        ({"myocardium_volume_ml": 0.0}, "there is no myocardium"),
        ({"myocardium_volume_ml": None}, "there is no myocardium"),
    ],
)
def test_what_has_no_number_of_scar_says_the_true_reason(features, changes, note):
    unknown = {**features, "enhancement_volume_ml": None, "methods": [], **changes}
    assert headline(unknown, "drawn").note == note
    assert statements(unknown) == []


def test_a_method_without_a_number_says_why(features):
    row = next(row for row in features["methods"] if row["method"] == "otsu")
    row.update(scar_volume_ml=None, scar_burden_percent=None, scar_mass_g=None, note="too dark")
    assert headline(features, "otsu").note == "too dark"


def test_the_headline_says_that_a_person_placed_the_remote_region(features):
    features["remote"] = {**features["remote"], "source": "given"}
    assert headline(features, "sd5").method == (
        "remote + 5 SD, robust, remote region placed by a person"
    )
    assert headline(features, "fwhm_remote").method == (
        "FWHM, from remote wall, remote region placed by a person"
    )
    assert headline(features, "fwhm_half_max").method == "FWHM, from 0"
    assert headline(features, "otsu").method == "Otsu"
    features["remote"] = {**features["remote"], "source": "automatic"}
    assert headline(features, "sd5").method == "remote + 5 SD, robust"


@pytest.mark.parametrize(
    ("percent", "printed", "class_"),
    [
        (0.49, "0", "0"),
        (0.5, "1", "1-25"),
        (25.49, "25", "1-25"),
        (25.5, "26", "26-50"),
        (50.5, "51", "51-75"),
        (75.49, "75", "51-75"),
        (75.5, "76", "76-100"),
    ],
)
def test_a_transmurality_is_printed_as_the_number_that_was_classed(
    features, percent, printed, class_
):
    features["segments"] = segments(s8=(percent, transmurality_class(percent), None))
    row = segment_rows(features)[7]
    assert (row.transmurality, row.class_) == (printed, class_)


def test_an_absent_segment_has_dashes(features):
    rows = segment_rows(features)
    assert rows[6] == ("7 mid anterior", "80", "80", "76-100", "transmural")
    assert rows[16] == ("17 apex", *["\N{EN DASH}"] * 4)


def test_reference_values_stand_beside_an_index_only_and_for_the_sex(features):
    assert {row.per_m2 for row in size_rows(features, sex="M")} == {""}
    assert {row.reference for row in size_rows(features, sex="M")} == {""}
    features["myocardium_mass_index_g_m2"] = 61.0
    for sex, reference in (
        ("M", "men 53 \N{PLUS-MINUS SIGN} 9"),
        ("F", "women 42 \N{PLUS-MINUS SIGN} 7"),
        ("", "men 53 \N{PLUS-MINUS SIGN} 9, women 42 \N{PLUS-MINUS SIGN} 7"),
    ):
        rows = {row.name: row for row in size_rows(features, sex=sex)}
        assert rows["LV myocardial mass"].per_m2 == "61.0 g/m\N{SUPERSCRIPT TWO}"
        assert rows["LV myocardial mass"].reference == reference
        assert rows["LV cavity volume"].reference == ""
