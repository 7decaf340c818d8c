"""What a reader enters for a case beside labels: body size, indication, marks, comment.

One file a case, replaced whole by each save. One that cannot be read is set aside, and the case
says so until somebody enters its details again. What was entered for other files of the scan than
those there now, which may be another patient's, is not given out, and the case says so, too.
"""

import json
import logging
import math
import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, get_args

from acsnet.errors import AcsnetError, InputError
from acsnet.io.limits import MAX_MATRIX, MAX_SLICES
from acsnet.quantify.body_size import BodySize
from acsnet.storage import DAMAGED, private_name, set_aside, write_json

logger = logging.getLogger(__name__)

BodySizeSource = Literal["entered", "header"]
"""entered: by the reader; header: PatientSize and PatientWeight, which the reader confirmed."""

MAX_INDICATION, MAX_COMMENT, MAX_READER = 500, 2000, 64
"""Characters."""

MARKS = ("rv_insertion", "remote_region")
"""Places in slices: slice, numbered in the file from 1, to row and column."""

SUFFIX = ".json"

WHAT = "what was entered for this case (height, weight, indication, marks, comment)"
DETAILS_EARLIER = f"{WHAT} is of an earlier state of the scan and is not used: enter it again"
LOST = f"{WHAT} cannot be read any more: enter it again"

_SLICE = re.compile("0|[1-9][0-9]{0,8}")

_CHANGE = threading.Lock()
"""Held while details are compared with those before and replaced; for all cases, as it is short."""


class DetailsReplacedError(AcsnetError):
    """Details that were saved since a reader was shown those of the case."""

    status = 409


@dataclass(frozen=True, kw_only=True)
class ReadingDetails:
    """What a reader entered. Raises InputError for what cannot be, in one sentence.

    height_cm, weight_kg: both or neither; body_size_source: where they come from, None without
    them; indication, comment: plain text, lines allowed; rv_insertion: slice, numbered in the file
    from 1, to row and column (pixels of the input from 0) of the anterior insertion of the right
    ventricle, None for the automatic one.
    """

    height_cm: float | None = None
    weight_kg: float | None = None
    body_size_source: BodySizeSource | None = None
    indication: str = ""
    comment: str = ""
    rv_insertion: Mapping[int, tuple[float, float]] | None = None
    remote_region: Mapping[int, tuple[float, float]] | None = None

    def __post_init__(self) -> None:
        self._check_body_size()
        for name, limit in (("indication", MAX_INDICATION), ("comment", MAX_COMMENT)):
            check_text(name, getattr(self, name), limit=limit)
        for name in MARKS:
            if (points := getattr(self, name)) is not None:
                _check_points(name, points)

    def _check_body_size(self) -> None:
        for name, value in (("height_cm", self.height_cm), ("weight_kg", self.weight_kg)):
            if value is not None and not _is_number(value):
                msg = f"{name} must be a number, got {value!r}"
                raise InputError(msg)
        if (self.height_cm is None) != (self.weight_kg is None):
            msg = "height and weight are needed together: give both or neither"
            raise InputError(msg)
        if self.height_cm is None or self.weight_kg is None:
            if self.body_size_source is not None:
                msg = "a source of height and weight was given without height and weight"
                raise InputError(msg)
            return
        BodySize(height_cm=self.height_cm, weight_kg=self.weight_kg)
        if self.body_size_source not in get_args(BodySizeSource):
            names = " or ".join(get_args(BodySizeSource))
            msg = f"body_size_source must be {names}, got {self.body_size_source!r}"
            raise InputError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; slice numbers are texts there."""
        values = asdict(self)
        for name in MARKS:
            if (points := getattr(self, name)) is not None:
                values[name] = {str(number): list(point) for number, point in points.items()}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ReadingDetails":
        """From what `to_dict` gives, or a form sent. Raises InputError for anything else."""
        if unknown := sorted(set(values) - {field.name for field in fields(cls)}):
            msg = f"reading details have no {', '.join(map(repr, unknown))}"
            raise InputError(msg)
        values = dict(values)
        for name in MARKS:
            if values.get(name) is not None:
                values[name] = _read_points(name, values[name])
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class SavedDetails:
    """Details with who entered them and when (UTC).

    scan: state of the scan's files that they were entered for; empty in a PACS, whose images never
    change, and of earlier releases, which did not note it.
    """

    details: ReadingDetails
    reader: str
    saved: datetime
    scan: str = ""

    @property
    def moment(self) -> str:
        """When they were saved, to the microsecond, as ISO 8601 has it: no two have the same."""
        return self.saved.isoformat(timespec="microseconds")


class DetailsStore:
    """The details of all cases of one studies folder, kept below `folder`.

    Files are named by a digest of the image's id, so that no id can lead out of the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(
        self, image: str, details: ReadingDetails, *, reader: str, scan: str = "", shown: str = ""
    ) -> SavedDetails:
        """Keep details in the place of those before; on the disk when this returns.

        Args:
            image: id of the scan.
            details: what was entered.
            reader: who entered it.
            scan: state of the scan's files now; empty in a PACS.
            shown: `SavedDetails.moment` of those in the place of which the reader entered these;
                empty where there were none.

        Raises:
            InputError: the reader's name cannot be written.
            DetailsReplacedError: others are there now than those that were shown.
        """
        check_text("the reader's name", reader, limit=MAX_READER)
        with _CHANGE:
            before, _ = self.read(image, scan=scan)
            if before is None or before.details != details:  # nothing is lost by the same again
                _check_shown(before, shown)
            entry = SavedDetails(
                details=details, reader=reader, saved=datetime.now(timezone.utc), scan=scan
            )
            record = {
                "image": image,
                "reader": reader,
                "saved": entry.moment,
                "scan": scan,
                "details": details.to_dict(),
            }
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_json(self._file(image), record, private=True)
        return entry

    def read(self, image: str, *, scan: str = "") -> tuple[SavedDetails | None, tuple[str, ...]]:
        """The newest details of an image, None where there are none, and warnings.

        A file that cannot be read is set aside; the warning stays until details are saved again.
        scan: state of the scan's files now; details of another one are as none, with a warning.
        """
        file = self._file(image)
        if file.exists():
            try:
                entry = _read_record(file, image)
            except DAMAGED:
                logger.exception("the details of a case cannot be read")
                set_aside(file)
            else:
                is_earlier = entry.scan not in ("", scan)
                return (None, (DETAILS_EARLIER,)) if is_earlier else (entry, ())
        return None, ((LOST,) if any(self._set_aside(image)) else ())

    def revision(self, image: str) -> int:
        """What changes when details of an image are saved; 0 where there are none."""
        return _changed(self._file(image))

    def generation(self) -> int:
        """What changes when details of any image are saved."""
        return _changed(self._folder)

    def remove(self, image: str) -> None:
        """Remove what was entered for an image that is no more, with what was set aside of it."""
        for file in (self._file(image), *self._set_aside(image)):
            file.unlink(missing_ok=True)

    def _set_aside(self, image: str) -> Iterator[Path]:
        return self._folder.glob(f"{self._file(image).name}.damaged-*")

    def _file(self, image: str) -> Path:
        return self._folder / f"{private_name(image)}{SUFFIX}"


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _check_shown(before: SavedDetails | None, shown: str) -> None:
    """Raise DetailsReplacedError where a reader was shown other details than those there now."""
    if shown == ("" if before is None else before.moment):
        return
    what = (
        "what you were shown of it is there no longer"
        if before is None
        else f"{before.reader} saved other details of it since"
    )
    msg = f"{what} you opened this case: yours are not saved; open it again and enter them there"
    raise DetailsReplacedError(msg)


def _read_record(file: Path, image: str) -> SavedDetails:
    record = json.loads(file.read_text(encoding="utf-8"))
    if record["image"] != image:
        msg = f"{file.name} holds the details of another case"
        raise InputError(msg)
    return SavedDetails(
        details=ReadingDetails.from_dict(record["details"]),
        reader=str(record["reader"]),
        saved=datetime.fromisoformat(record["saved"]),
        scan=str(record.get("scan", "")),
    )


def _is_number(value: Any) -> bool:
    # Compared, as an integer may be too large for a float; nan is below nothing.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf


def check_text(name: str, text: Any, *, limit: int) -> None:
    """Raise InputError for what is no plain text of at most so many characters."""
    if not isinstance(text, str):
        msg = f"{name} must be text, got {text!r}"
        raise InputError(msg)
    if len(text) > limit:
        msg = f"{name} must have at most {limit} characters, got {len(text)}"
        raise InputError(msg)
    for character in text:
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cs"):
            msg = f"{name} must be plain text, got the control character {character!r}"
            raise InputError(msg)


def _check_points(name: str, points: Mapping[int, tuple[float, float]]) -> None:
    if not points:
        msg = f"{name} must name at least one slice: leave it out for the automatic one"
        raise InputError(msg)
    for number, (row, column) in points.items():
        if not 1 <= number <= MAX_SLICES:
            msg = f"{name} must name slices from 1 to {MAX_SLICES}, got {number}"
            raise InputError(msg)
        if not all(_is_number(place) and 0 <= place < MAX_MATRIX for place in (row, column)):
            msg = (
                f"{name} of slice {number} must be row and column from 0 to "
                f"{MAX_MATRIX - 1}, got {row!r}, {column!r}"
            )
            raise InputError(msg)


def _read_points(name: str, points: Any) -> dict[int, tuple[float, float]]:
    """Keys may be texts, points lists."""
    try:
        return {_slice_number(key): (row, column) for key, (row, column) in points.items()}
    except (AttributeError, TypeError, ValueError):
        msg = f"{name} must hold slice: [row, column], got {points!r}"
        raise InputError(msg) from None


def _slice_number(key: Any) -> int:
    """A slice number or its one spelling as text. Raises ValueError for anything else."""
    if not (isinstance(key, int) or _SLICE.fullmatch(key)):
        msg = f"{key!r} is no slice number"
        raise ValueError(msg)
    return int(key)
