"""Clicks of readers on scans, one of each reader and scan at a time: start, state, moved walls.

It runs beside the queue of the networks, which it needs for a new draft only: a click is not to
wait for the scan of somebody else.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.interaction.clicked_labels import ClickedLabels, click_labels
from acsnet.io import read_scan
from acsnet.labels import MYOCARDIUM, Label
from acsnet.quantify.features import compute_features
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.server.corrections.points import clicks_of, is_as_drawn, oldest_first, walls_on_scar
from acsnet.server.corrections.reader_states import ReaderState, ReaderStates, Start
from acsnet.server.corrections.starts import FROM_MODEL, SENT, own_version, start_of
from acsnet.server.corrections.strokes import points_of_strokes, read_strokes
from acsnet.server.datastores.label_intake import NOBODY
from acsnet.server.datastores.preflight import fingerprint
from acsnet.server.datastores.protocol import StudyStore
from acsnet.server.inference.request import ClickRequest, Points
from acsnet.server.inference.work_queue import volume_place
from acsnet.stages.correction import Corrector

LOCKS = 64
SCANS = 4
"""Kept as read between clicks, where they are small."""

MAX_SCAN_BYTES = 2**26


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A person who clicks.

    Attributes:
        name: by which label maps are theirs.
        key: name and address, by which clicks are theirs.
    """

    name: str = NOBODY
    key: str = NOBODY


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """A scan with the labels after clicks, and what a client is told.

    labels: on the input's grid; start: what the clicks started from.
    """

    scan: ShortAxisScan
    labels: NDArray[np.uint8]
    start: Start
    clicked: ClickedLabels
    notes: tuple[str, ...]
    seconds: float = 0.0

    def measures(self) -> dict[str, Any]:
        """Volumes, mass and burden, by the names of `features.json`."""
        features = compute_features(
            self.clicked.labels, self.scan.voxel_ml, scar_known=self.scan.shows_scar
        )
        return asdict(features)


class CorrectionDesk:
    """Answers clicks.

    store: of the scans. states: of readers, which outlive the server; passing: of scans that are
    in no store, which do not. corrector: that of the served model. run: segments an image, whose id
    may be empty, by its path.
    """

    def __init__(
        self,
        store: StudyStore,
        *,
        states: ReaderStates,
        passing: ReaderStates,
        corrector: Callable[[], Corrector],
        run: Callable[[str, Path], NDArray[np.uint8]],
    ) -> None:
        self._store, self._states, self._passing = store, states, passing
        self._corrector, self._run = corrector, run
        self._locks = tuple(threading.Lock() for _ in range(LOCKS))
        self._scans = ScanCache()

    def click(
        self,
        path: Path,
        image: str,
        reader: Reader,
        clicks: ClickRequest,
    ) -> Corrected:
        """The labels of a scan after all clicks of a reader.

        Clicks that repeat one of those before go on from where these started, unless the reader has
        saved a version since; others begin anew.

        Args:
            path: of the scan.
            image: its id in the store; empty for a scan that a client holds here.
            reader: who clicks.
            clicks: all of them; with `source` None they go on from what those before did. If
                `kept` is still kept, they go on from it, whatever has become of it in the store.

        Raises:
            AcsnetError: for points that are none, and what is no scan.
        """
        scan = self._scans.get(path)
        asked, source = clicks.points(scan), clicks.source
        states, name = (self._states, image) if image else (self._passing, str(path))
        with self._locks[hash((reader.key, name)) % LOCKS]:
            began = time.perf_counter()
            state, notes = states.read(reader.key, name)
            current = fingerprint(path)
            if state is not None and (clicks.anew or state.scan != current):
                state = None
            wanted = oldest_first(asked, [] if state is None else state.points)
            start = None
            if clicks.drawn is not None:
                start = Start(source=SENT, version=source or "", labels=clicks.drawn(scan))
            elif state is not None:
                named = source in (None, *_names(state.start))
                again = {at for _, at in wanted} & {at for _, at in state.points}
                goes_on = named and again and state.start.own == self._own(image, reader)
                same = state.start.labels.shape == scan.grid.shape
                if same and (goes_on or clicks.kept == state.start.digest):
                    start = state.start
            if start is None:
                start = self._start(path, image, scan, reader, source, saved=clicks.saved)
            corrected = self._moved(scan, start, wanted, notes)
            states.write(reader.key, name, ReaderState(scan=current, start=start, points=wanted))
        return replace(corrected, seconds=time.perf_counter() - began)

    def stroke(
        self,
        path: Path,
        image: str,
        reader: Reader,
        *,
        mask: Path,
        segments: Any,
        label: Label,
    ) -> Corrected:
        """The labels of a scan after strokes on and off a label.

        They start from the labels in the mask, or, where it holds no wall, as clicks do; nothing is
        kept.

        Args:
            path: of the scan.
            image: its id in the store, or empty.
            reader: who paints.
            mask: file with labels and strokes, see `read_strokes`.
            segments: the viewer's list of segments.
            label: what the strokes are on and off.

        Raises:
            AcsnetError: as `read_strokes`, and for what is no scan.
        """
        scan, began = self._scans.get(path), time.perf_counter()
        strokes = read_strokes(mask, scan.grid, segments)
        start = Start(source=SENT, version="", labels=scan.grid.to_input(strokes.labels))
        if not np.isin(strokes.labels, MYOCARDIUM).any():
            start = self._start(path, image, scan, reader, None)
            strokes = replace(strokes, labels=scan.grid.from_input(start.labels))
        corrected = self._moved(scan, start, points_of_strokes(strokes, scan, label))
        return replace(corrected, seconds=time.perf_counter() - began)

    def _moved(
        self, scan: ShortAxisScan, start: Start, points: Points, notes: tuple[str, ...] = ()
    ) -> Corrected:
        draft = np.ascontiguousarray(scan.grid.from_input(start.labels))
        clicked = _clicked(scan, draft, points, self._corrector())
        if not all(clicked.held):
            notes = (*notes, missed_note(clicked.held))
        return Corrected(
            scan=scan,
            labels=scan.grid.to_input(clicked.labels),
            start=start,
            clicked=clicked,
            notes=notes,
        )

    def scan(self, path: Path) -> ShortAxisScan:
        """The scan in a file or folder, as read for the last click. Errors as `read_scan`."""
        return self._scans.get(path)

    def state(self, image: str, path: Path, reader: Reader) -> tuple[ReaderState, InputGrid] | None:
        """What a reader clicked on an image of the store, and its grid; None for nothing.

        Nothing, too, where the reader has saved a version since.
        """
        state, _ = self._states.read(reader.key, image)
        if state is None or state.scan != fingerprint(path):
            return None
        if self._own(image, reader) != state.start.own:
            return None
        return state, self._scans.get(path).grid

    def settle(self, image: str, reader: Reader) -> None:
        """Forget the clicks of a reader, whose outcome was saved; what they started from stays."""
        with self._locks[hash((reader.key, image)) % LOCKS]:
            state, _ = self._states.read(reader.key, image)
            if state is not None:
                self._states.write(reader.key, image, replace(state, points=[]))

    def _own(self, image: str, reader: Reader) -> str:
        return own_version(self._store, image, reader.name) if image else ""

    def _start(
        self,
        path: Path,
        image: str,
        scan: ShortAxisScan,
        reader: Reader,
        source: str | None,
        *,
        saved: str = "",
    ) -> Start:
        def run() -> NDArray[np.uint8]:
            return self._run(image, path)

        if not image:
            return Start(source=FROM_MODEL, version="", labels=run())
        return start_of(self._store, image, scan, reader.name, run=run, source=source, saved=saved)


def _clicked(
    scan: ShortAxisScan, draft: NDArray[np.uint8], points: Points, corrector: Corrector
) -> ClickedLabels:
    """The draft (slice, row, column) after points.

    A point of the list of the myocardium says that there is no scar where there was some when it
    was set: in the draft, or after the points before it. Else it says nothing of scar, which a
    newer point, or the wall that goes where it lies, may bring there.
    """

    def answer(points: Points, healthy: Points) -> ClickedLabels:
        clicks = clicks_of(points, scan.grid, healthy=healthy)
        return click_labels(
            scan.pixels,
            draft,
            clicks,
            scan.spacing_mm,
            corrector=corrector,
            measured=scan.measured,
        )

    healthy = walls_on_scar(points, scan.grid, draft)
    clicked = answer(points, healthy)
    on_new = [
        point for point in walls_on_scar(points, scan.grid, clicked.labels) if point not in healthy
    ]
    drafts = len(healthy)
    shown, until = draft, 0  # as the reader saw it after so many points
    for age, point in enumerate(points):
        if point in on_new and point not in healthy:
            since = points[until:age]
            if not all(is_as_drawn(other, scan.grid, draft, shown) for other in since):
                shown, until = answer(points[:age], healthy).labels, age
            healthy += walls_on_scar([point], scan.grid, shown)
    return answer(points, healthy) if len(healthy) > drafts else clicked


def _names(start: Start) -> tuple[str, ...]:
    """What a client may call a start by."""
    return start.source, *([start.version] if start.version else [])


def missed_note(held: tuple[bool, ...]) -> str:
    """What a reader is told where no possible wall holds all clicks."""
    missed = f"{held.count(False)} of {len(held)} clicks are not fulfilled"
    return f"{missed}: no possible wall fulfils all of them"


class ScanCache:
    """The last few scans that were read, each as long as its files are the same."""

    def __init__(self) -> None:
        self._change = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], ShortAxisScan] = OrderedDict()

    def get(self, path: Path) -> ShortAxisScan:
        """The scan in a file or folder. Errors as `read_scan`."""
        key = str(path), fingerprint(path)
        with self._change:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
        with volume_place():
            scan = read_scan(path)
        if scan.pixels.nbytes <= MAX_SCAN_BYTES:
            with self._change:
                self._kept[key] = scan
                while len(self._kept) > SCANS:
                    self._kept.popitem(last=False)
        return scan
