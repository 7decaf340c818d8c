"""Two label maps of a case beside each other: outlines, measures, Dice."""

import numpy as np
from fastapi import APIRouter
from fastapi.responses import Response

from acsnet.labels import ENHANCEMENT, LABELS, LEFT_VENTRICLE, MYOCARDIUM
from acsnet.masks import dice
from acsnet.report.wording import measure_rows
from acsnet.server.app import App
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.measures_now import measures_of
from acsnet.server.pages.cases import called, find_case, version_of
from acsnet.server.pages.slices import COLOURS, VersionQuery, labels_of
from acsnet.server.web.templates import page

router = APIRouter(prefix="/acsnet")

REGIONS = (
    ("Left ventricle", LEFT_VENTRICLE),
    ("Whole myocardium", MYOCARDIUM),
    ("Enhancement", ENHANCEMENT),
    *((info.description, (info.label,)) for info in LABELS),
)
"""What is compared, and the labels that it is made of."""


@router.get("/cases/{image}/compare")
def compare(app: App, image: str, first: VersionQuery, second: VersionQuery) -> Response:
    """The page that compares two label maps, by ids or tags."""
    store = app.datastore()
    case = find_case(store, image)
    now, names = measures_of(store), (first, second)
    pair = [now.of(image, version_of(store, image, name)) for name in names]
    drawn = []
    with volume_place():
        for name in names:
            _, labels, identifier = labels_of(app, image, name)
            app.shown_versions.add(image, identifier)
            drawn.append(labels)
        masks = [(name, [np.isin(labels, values) for labels in drawn]) for name, values in REGIONS]
        rows = [
            (name, dice(first_mask, second_mask) if first_mask.any() or second_mask.any() else None)
            for name, (first_mask, second_mask) in masks
        ]
    return page(
        "compare.html",
        case=case,
        pair=pair,
        called=called,
        overlap=rows,
        colours=COLOURS,
        measures=measure_rows([record.features for record in pair]),
    )
