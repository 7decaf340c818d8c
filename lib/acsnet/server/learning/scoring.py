"""Scoring of the model by the people who correct it, in place of MONAI Label's own.

MONAI Label's `Dice` multiplies raw label values, so that two equal maps of several labels score
above 2, and its history ends with the server.
"""

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from statistics import fmean
from typing import Any

from monailabel.interfaces.tasks.scoring import ScoringMethod

from acsnet.annotations.agreement import Agreement, compare
from acsnet.errors import AcsnetError
from acsnet.io.label_map import read_labels
from acsnet.server.datastores.label_records import MODEL_DRAFT, REVIEWED
from acsnet.server.datastores.protocol import StudyStore, record_under_tag
from acsnet.storage import append_line, read_lines


class AgreementScoring(ScoringMethod):
    """The model's drafts against the reviewed labels: Dice of each label, and the burden error.

    history: a file of JSON lines, one for each time that it was asked for.
    """

    def __init__(self, history: Path) -> None:
        super().__init__("Dice of each label and burden error, drafts against reviewed labels")
        self._history = history

    def history(self) -> list[dict[str, Any]]:
        """All scores so far, oldest first."""
        return read_lines(self._history)

    def __call__(self, request: dict[str, Any], datastore: StudyStore) -> dict[str, Any]:
        """Compare all images that have both; the means go into the history.

        An image whose labels cannot be read or do not fit is counted under `left_out`.
        """
        agreements: dict[str, Agreement] = {}
        models, left_out = set(), 0
        for image in datastore.get_labeled_images():
            if MODEL_DRAFT not in datastore.get_labels_by_image_id(image):
                continue
            try:
                drawn, expert = (
                    read_labels(Path(datastore.get_label_uri(image, tag)))
                    for tag in (MODEL_DRAFT, REVIEWED)
                )
                agreements[image] = compare(drawn, expert)
            except (AcsnetError, OSError, ValueError):
                left_out += 1
                continue
            draft = record_under_tag(datastore.label_records(image), MODEL_DRAFT)
            models.add((draft and draft.model) or "unknown")
        score = {
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "method": "agreement",
            "models": sorted(models),
            "left_out": left_out,
            **summary(list(agreements.values())),
        }
        append_line(self._history, score)
        return {
            **score,
            "images": {image: agreement.to_dict() for image, agreement in agreements.items()},
        }


def summary(agreements: Sequence[Agreement]) -> dict[str, Any]:
    """Means over the scans in which a value is defined, None where there is none, and how many.

    burden_error: mean of the absolute differences, in percent of the myocardium.
    """
    differences = [agreement.burden_difference for agreement in agreements]
    errors = [abs(difference) for difference in differences if difference is not None]
    return {
        "n": len(agreements),
        "label_dice": _means([agreement.label_dice for agreement in agreements]),
        "region_dice": _means([agreement.region_dice for agreement in agreements]),
        "burden_error": round(fmean(errors), 2) if errors else None,
    }


def _means(tables: list[dict[str, float | None]]) -> dict[str, float | None]:
    columns = {
        name: [value for table in tables if (value := table[name]) is not None]
        for name in (tables[0] if tables else {})
    }
    return {name: round(fmean(of), 4) if of else None for name, of in columns.items()}
