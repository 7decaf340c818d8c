"""Rules of changes from repeats of unchanged hearts, and what they show."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from acsnet.uncertainty.calibration import Calibration
from acsnet.uncertainty.change import MEASURES, ChangeRule, unclear_amount
from calibration.fit import fit_change
from calibration.kept_rows import Row
from calibration.repeats import EFFECTIVE, GROWN, UNCHANGED

CALIBRATED = tuple(measure for measure, _ in MEASURES.values())
Repeats = Mapping[str, Mapping[str, Row]]
"""Heart -> change -> its row, `UNCHANGED` among them."""

Pair = tuple[Row, Row]
"""Rows of two scans of one heart."""


def fitted(repeats: Repeats, *, level: float) -> dict[str, dict[str, float]]:
    """The rule of each measure, as plain numbers."""
    rules = {measure: _rule(pairs_of(repeats), measure, level) for measure in CALIBRATED}
    return {
        measure: {"factor": round(rule.factor, 4), "floor": round(rule.floor, 5)}
        for measure, rule in rules.items()
    }


def pairs_of(repeats: Repeats) -> list[Pair]:
    """Each heart's unchanged scan with each of its repeats."""
    return [
        (rows[UNCHANGED], row)
        for rows in repeats.values()
        for change, row in rows.items()
        if change != UNCHANGED
    ]


def _rule(pairs: list[Pair], measure: str, level: float) -> ChangeRule:
    known = [columns for pair in pairs if (columns := _columns(pair, measure)) is not None]
    table: NDArray[np.float64] = np.array(known)
    return fit_change(*table.T, level=level)


def _columns(pair: Pair, measure: str) -> tuple[float, float, float] | None:
    """Difference of a pair, its unclear amount and size; None where a scan has no value."""
    before, after = (row["value"][measure] for row in pair)
    if before is None or after is None:
        return None
    scans = [(row["value"], row["unclear"]) for row in pair]
    return (after - before, *unclear_amount(measure, scans))


def shown(pair: Pair, measure: str, rule: ChangeRule) -> bool | None:
    """Whether `acsnet compare` would show a change; None where a scan has no value."""
    columns = _columns(pair, measure)
    if columns is None:
        return None
    difference, unclear, size = columns
    return abs(difference) > float(rule.half_width(unclear, size))


def page(fit: Repeats, *, repeats: Repeats, grown: Repeats, calibration: Calibration) -> list[str]:
    """Lines of the page on changes."""
    hearts = sorted({heart for heart in repeats if heart.startswith("Case")})
    phantoms = len(repeats) - len(hearts)
    lines = [
        "## Changes between two scans of a patient",
        "",
        "A repeat is the same scan under one of the changes of `acsnet evaluate --stress`; the "
        "share is that of the repeats in which `acsnet compare` says that no change is shown. "
        "Left out: the hearts of the fit, each by a rule fitted without it. Checked on hearts that "
        f"no rule was fitted on: {', '.join(hearts)} of the test list under all changes, and "
        f"{phantoms} phantoms under the {len(EFFECTIVE)} that reach the networks. Grown: "
        f"{len(grown)} phantoms whose scar takes a third more of the circumference.",
        "",
        "| measure | factor | floor | left out: no change | real scan | phantoms | grown: shown |",
        "|---|---|---|---|---|---|---|",
    ]
    for measure in CALIBRATED:
        rule = calibration.change_rules[measure]
        parts = [
            _share(_left_out(fit, measure, calibration.change_level), shown_is=False),
            *(
                _share(
                    [shown(pair, measure, rule) for pair in pairs_of(part)],
                    shown_is=False,
                )
                for part in (
                    {heart: rows for heart, rows in repeats.items() if heart in hearts},
                    {heart: rows for heart, rows in repeats.items() if heart not in hearts},
                )
            ),
            _growth(grown, measure, rule),
        ]
        lines.append(
            f"| {measure} | {rule.factor:.3g} | {rule.floor:.3g} | " + " | ".join(parts) + " |"
        )
    return lines


def _left_out(fit: Repeats, measure: str, level: float) -> list[bool | None]:
    """Whether a change is shown in each repeat, by a rule of the other hearts."""
    results = []
    for heart, rows in fit.items():
        others = {name: part for name, part in fit.items() if name != heart}
        rule = _rule(pairs_of(others), measure, level)
        results += [shown(pair, measure, rule) for pair in pairs_of({heart: rows})]
    return results


def _growth(grown: Repeats, measure: str, rule: ChangeRule) -> str:
    if "scar" not in measure and "enhancement" not in measure:
        return ""
    pairs = [(rows[UNCHANGED], rows[GROWN]) for rows in grown.values()]
    return _share([shown(pair, measure, rule) for pair in pairs], shown_is=True)


def _share(results: list[bool | None], *, shown_is: bool) -> str:
    known = [result for result in results if result is not None]
    if not known:
        return "none"
    count = sum(result is shown_is for result in known)
    return f"{count} of {len(known)} ({count / len(known):.0%})"
