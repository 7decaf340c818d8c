"""What an inference is asked for, by a client, a page or the server itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.scan import ShortAxisScan

Point = tuple[str, tuple[int, int, int]]
"""Name of the list that it was sent in, and index on the input's grid."""

Points = list[Point]


@dataclass(frozen=True, kw_only=True)
class ClickRequest:
    """Clicks of a reader, and what they start from; see `CorrectionDesk.click`.

    Attributes:
        points: of a scan, which only its grid can check.
        source: what to start from; None for the first there is.
        saved: when that was saved, as the reader was shown it.
        kept: digest of what earlier clicks started from.
        drawn: labels of a client, on the input's grid, to start from instead.
        anew: whether to forget what was clicked before.
    """

    points: Callable[[ShortAxisScan], Points]
    source: str | None = None
    saved: str = ""
    kept: str = ""
    drawn: Callable[[ShortAxisScan], NDArray[np.uint8]] | None = None
    anew: bool = False


@dataclass(frozen=True, kw_only=True)
class InferenceRequest:
    """One inference.

    Attributes:
        model: name of the task.
        image: file or folder of the scan.
        image_id: id of the scan in the datastore; empty for one that a client sent.
        user: who asks, for the audit log; empty where nobody says.
        author: who asks, by whose name label maps are theirs.
        client: name and address by which the queue is fair.
        background: whether to wait for however long.
        is_gone: whether nobody waits for the answer any more.
        parameters: all that the client sent, by name, see `infer_options`.
        label_map: file of a label map on the scan that came with the request.
        segments: the viewer's list of what it holds.
        selected_label: name of the label that strokes are on.
        clicks: of a reader.
    """

    model: str
    image: Path
    image_id: str = ""
    user: str = ""
    author: str = ""
    client: str = ""
    background: bool = False
    is_gone: Callable[[], bool] = lambda: False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    label_map: Path | None = None
    segments: Any = None
    selected_label: str = ""
    clicks: ClickRequest | None = None
