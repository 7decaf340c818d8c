"""Rules of changes from repeats of unchanged hearts, and what they show."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

import numpy as np

from acsnet.uncertainty.appearance import Appearance
from acsnet.uncertainty.calibration import Calibration
from acsnet.uncertainty.change import (
    AT_HALF_SIGNAL,
    MEASURES,
    ChangeRule,
    ScanMeasures,
    Spread,
    estimate_of,
    interval_of,
    spread_of,
)
from acsnet.uncertainty.intervals import SCAR
from calibration.fit import fit_change
from calibration.kept_rows import Row
from calibration.repeats import EFFECTIVE, GROWN, UNCHANGED

CALIBRATED = tuple(measure for measure, _ in MEASURES.values())
GROUPS = (
    tuple(measure for measure in CALIBRATED if measure in AT_HALF_SIGNAL),
    tuple(measure for measure in CALIBRATED if measure in SCAR - AT_HALF_SIGNAL),
    *((measure,) for measure in CALIBRATED if measure not in SCAR),
)
"""Measures with one rule: what a few repeats tell of one measure of scar is chance."""
HELD = 0.97
"""Of the repeats of a fit lie in their intervals: so of other hearts, which differ more, 95 %."""

BURDEN = "scar_burden_percent"
GROWING = (BURDEN, "enhancement_volume_ml", "core_scar_volume_ml")
"""Measures that growth of scar shows in: burden, volume and core."""

Repeats = Mapping[str, Mapping[str, Row]]
"""Heart -> change -> its row, `UNCHANGED` among them."""

Pair = tuple[Row, Row]
"""Rows of two scans of one heart."""


def fitted(repeats: Repeats) -> dict[str, dict[str, float]]:
    """The rule of each measure, as plain numbers."""
    rules = _rules(pairs_of(repeats))
    return {
        measure: {constant: round(value, 5) for constant, value in asdict(rules[measure]).items()}
        for measure in CALIBRATED
    }


def pairs_of(repeats: Repeats) -> list[Pair]:
    """Each heart's unchanged scan with each of its repeats."""
    return [
        (rows[UNCHANGED], row)
        for rows in repeats.values()
        for change, row in rows.items()
        if change != UNCHANGED
    ]


def _rules(pairs: list[Pair]) -> dict[str, ChangeRule]:
    """The rule of each measure: of its group."""
    rules: dict[str, ChangeRule] = {}
    for group in GROUPS:
        rules |= dict.fromkeys(group, _rule(pairs, group))
    return rules


def _rule(pairs: list[Pair], group: Sequence[str]) -> ChangeRule:
    """The rule of a group, from the pairs of all its measures, as shares of the size."""
    known = [
        known
        for measure in group
        for pair in pairs
        if (known := _change(pair, measure)) is not None
    ]
    shares = {
        part.name: np.array([getattr(spread, part.name) / spread.size for _, spread in known])
        for part in fields(Spread)
    }
    changes = np.array([change / spread.size for change, spread in known])
    return fit_change(changes, Spread(**shares), level=HELD)


def _scans(pair: Pair) -> tuple[ScanMeasures, ScanMeasures]:
    before, after = (
        ScanMeasures(
            features=row["value"],
            unclear=row["unclear"],
            appearance=Appearance(**row["appearance"]),
            half_signal_ml=row["half_signal_ml"],
        )
        for row in pair
    )
    return before, after


def _change(pair: Pair, measure: str) -> tuple[float, Spread] | None:
    """Estimate of the change of a pair and what widens its interval; None where it is unknown."""
    spread, estimate = spread_of(measure, *_scans(pair)), estimate_of(measure, *_scans(pair))
    return None if spread is None or estimate is None else (estimate, spread)


def shown(pair: Pair, measure: str, rule: ChangeRule) -> bool | None:
    """Whether `acsnet compare` would show a change; None where a scan has no value."""
    interval = interval_of(measure, *_scans(pair), rule)
    return None if interval is None else interval[0] > 0 or interval[1] < 0


def growth_shown(pair: Pair, measure: str, rule: ChangeRule) -> bool | None:
    """Whether `acsnet compare` would show growth: a change, and upwards."""
    interval = interval_of(measure, *_scans(pair), rule)
    return None if interval is None else interval[0] > 0


def page(
    fit: Repeats, *, repeats: Repeats, grown: Mapping[str, Repeats], calibration: Calibration
) -> list[str]:
    """Lines of the page on changes; grown: hearts whose scar has grown, by the kind of heart."""
    hearts = sorted({heart for heart in repeats if heart.startswith("Case")})
    phantoms = len(repeats) - len(hearts)
    lines = [
        "## Changes between two scans of a patient",
        "",
        "A repeat is the same scan under one of the changes of `acsnet evaluate --stress`; the "
        "share is that of the repeats in which `acsnet compare` says that no change is shown. "
        "Left out: the hearts of the fit, each by a rule fitted without it. Checked on hearts that "
        f"no rule was fitted on: {', '.join(hearts)} of the test list under all changes, and "
        f"{phantoms} phantoms under the {len(EFFECTIVE)} that reach the networks.",
        "",
        "| measure | floor | unclear | contrast | wall level | wall volume | left out: no change | "
        "real scan | phantoms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    left_out = _left_out(fit)
    for measure in CALIBRATED:
        rule = calibration.change_rules[measure]
        parts = [
            _share(left_out[measure], is_true=False),
            *(
                _share([shown(pair, measure, rule) for pair in pairs_of(part)], is_true=False)
                for part in (
                    {heart: rows for heart, rows in repeats.items() if heart in hearts},
                    {heart: rows for heart, rows in repeats.items() if heart not in hearts},
                )
            ),
        ]
        lines.append(
            f"| {measure} | {rule.floor:.3g} | {rule.unclear:.3g} | {rule.contrast:.3g} | "
            f"{rule.wall_level:.3g} | {rule.wall_volume:.3g} | " + " | ".join(parts) + " |"
        )
    return [*lines, "", _movement(fit), "", *_growth(grown, calibration)]


def _movement(fit: Repeats) -> str:
    """How far the burden moves between repeats, as drawn and at half signal."""
    moved = [
        tuple(
            abs(after - before)
            for before, after in (
                (first.features[BURDEN], second.features[BURDEN]),
                (first.at_half_signal(BURDEN), second.at_half_signal(BURDEN)),
            )
            if before is not None and after is not None
        )
        for first, second in map(_scans, pairs_of(fit))
    ]
    both = np.array([pair for pair in moved if len(pair) == 2]).reshape(-1, 2)
    if not len(both):
        return "No repeat of the fit has a scar at half signal."
    drawn, signal = np.median(both, axis=0)
    return (
        f"In {len(both)} repeats of the fit the burden moves by {drawn:.2f} points as it is drawn, "
        f"and by {signal:.2f} at half signal (medians)."
    )


def _growth(grown: Mapping[str, Repeats], calibration: Calibration) -> list[str]:
    """Lines on scar that has grown by a third: in how many hearts growth is shown."""
    lines = [
        "### Scar that has grown by a third",
        "",
        "The scar takes a third more of the circumference, in the slices in which it lies: of a "
        "phantom in its tissue, of a patient by the signal of the scar, moved along the wall "
        "(`benchmarks/calibration/grown_scar.py`). Growth is shown where the interval of the "
        "change lies above 0. Drawn, half signal: median of the growth in the networks' drafts, "
        "and of the scar at half signal, as a share of the volume before; 33 % is right.",
        "",
        "| hearts | scar before, points of burden | drawn | half signal | burden: growth shown | "
        "volume | core scar |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, hearts in grown.items():
        pairs = [(rows[UNCHANGED], rows[GROWN]) for rows in hearts.values()]
        burdens = [before["value"][GROWING[0]] for before, _ in pairs]
        drawn = _median_growth([[row["value"][GROWING[1]] for row in pair] for pair in pairs])
        signal = _median_growth([[row["half_signal_ml"] for row in pair] for pair in pairs])
        parts = [
            _share(
                [growth_shown(pair, measure, calibration.change_rules[measure]) for pair in pairs],
                is_true=True,
            )
            for measure in GROWING
        ]
        lines.append(
            f"| {name} | {min(burdens):.0f} to {max(burdens):.0f} | {drawn} | {signal} | "
            + " | ".join(parts)
            + " |"
        )
    return lines


def _median_growth(volumes: Sequence[Sequence[float | None]]) -> str:
    """volumes: before and after of each heart; hearts without either are left out."""
    grown = [after / before - 1.0 for before, after in volumes if before and after is not None]
    return f"{np.median(grown):.0%}" if grown else "none"


def _left_out(fit: Repeats) -> dict[str, list[bool | None]]:
    """Measure -> whether a change is shown in each repeat, by a rule of the other hearts."""
    results: dict[str, list[bool | None]] = {measure: [] for measure in CALIBRATED}
    for heart, rows in fit.items():
        others = {name: part for name, part in fit.items() if name != heart}
        for measure, rule in _rules(pairs_of(others)).items():
            results[measure] += [shown(pair, measure, rule) for pair in pairs_of({heart: rows})]
    return results


def _share(results: list[bool | None], *, is_true: bool) -> str:
    known = [result for result in results if result is not None]
    if not known:
        return "none"
    count = sum(result is is_true for result in known)
    return f"{count} of {len(known)} ({count / len(known):.0%})"
