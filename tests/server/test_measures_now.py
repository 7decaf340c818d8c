"""Which warnings on record a list tells without measuring anew."""

from datetime import datetime, timezone

import pytest

from acsnet.annotations.reading_details import ReadingDetails, SavedDetails
from acsnet.server.datastores.protocol import LabelRecord
from acsnet.server.measures_now import warnings_listed

SIDE = "the header does not tell anterior from inferior: mark the insertion"
SPOT = "look at slice 3"
MARK = {"rv_insertion": {5: (100.0, 94.0)}}
SIZE = {"height_cm": 170.0, "weight_kg": 70.0, "body_size_source": "entered"}


@pytest.mark.parametrize(
    ("details", "day", "source", "listed"),
    [
        (MARK, 2, "automatic", (SPOT,)),  # it may have ended the doubt
        (MARK, 0, "given", (SIDE, SPOT)),  # it was there when the label map came in
        ({}, 2, "given", (SPOT,)),  # it was taken back
        (SIZE, 2, "automatic", (SIDE, SPOT)),
        (None, 2, "automatic", (SIDE, SPOT)),
    ],
)
def test_a_list_leaves_out_what_a_mark_of_later_may_have_ended(details, day, source, listed):
    entered = None
    if details is not None:
        saved = datetime(2026, 1, 1 + day, tzinfo=timezone.utc)
        entered = SavedDetails(details=ReadingDetails(**details), reader="Ada", saved=saved)
    features = {"rv_insertion": {"source": source}, "warnings": [SIDE, SPOT]}
    record = LabelRecord(
        id="1",
        tag="final",
        state="reviewed",
        author="Ada",
        saved=datetime(2026, 1, 2, tzinfo=timezone.utc),
        features=features,
    )
    assert warnings_listed(record, entered) == listed
