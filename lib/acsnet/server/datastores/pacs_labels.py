"""The segmentations of a PACS as label maps and measures, and people's label maps as segmentations.

Each save is a new SEG in the PACS; what others saved before stays as it is.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.annotations.label_versions import by_networks
from acsnet.annotations.marks import depends_on_given, measure_marked
from acsnet.dicom.provenance import State
from acsnet.errors import AcsnetError, InputError
from acsnet.fine_tuning.training_request import Reviewed
from acsnet.io import write_label_map
from acsnet.io.series import patient_of
from acsnet.pacs.annotations import MODEL, Annotation
from acsnet.pacs.archive import Archive
from acsnet.pacs.worklist import Entry
from acsnet.result import Measured
from acsnet.scan import ShortAxisScan, is_fit
from acsnet.server.datastores.label_records import (
    MODEL_VERSION,
    READER_DRAFT,
    REVIEWED,
    KeptMeasures,
    features_on,
    record_of_seg,
    tagged,
)
from acsnet.server.datastores.label_reports import (
    companions_of,
    entered,
    given_for,
    kept_features,
    reading_of,
)
from acsnet.server.datastores.protocol import LabelRecord
from acsnet.server.datastores.seg_decisions import SegDecision, SegDecisions, SegSaves
from acsnet.server.errors import UnknownError
from acsnet.server.state.paths import DECISIONS, SAVES, private_folder
from acsnet.server.web.request_checks import SCAN_SUFFIXES

logger = logging.getLogger(__name__)

NEVER_CHANGES = ""
"""The state of a series in a PACS; see `StudyStore.drawn_state_now`."""


class PacsLabels:
    """Label maps of the series of an archive.

    store: the server's own folder of these studies, with its own copies and the measures in
    `labels/`, which can be made again, decisions on the SEGs, notes of what is about to be stored,
    and what readers entered for their reports.
    """

    def __init__(self, archive: Archive, store: Path) -> None:
        self._folder = private_folder(store / "labels")
        self.measures = KeptMeasures(self._folder)
        self.saves = SegSaves(store / SAVES)
        self._archive = archive
        self._decisions = SegDecisions(store / DECISIONS)
        self._store = store

    def entries(self) -> dict[str, Entry]:
        """The work list as it is now, by image id."""
        return self._decisions.marked(self._archive.worklist.entries())

    def _entry(self, uid: str) -> Entry:
        return self._decisions.marked({uid: self._archive.entry(uid)})[uid]

    def records(self, entry: Entry) -> tuple[LabelRecord, ...]:
        """All segmentations of a series, newest first."""
        tags = {annotation.instance: tag for tag, annotation in tagged(entry).items()}
        return tuple(
            record_of_seg(
                annotation,
                tag=tags.get(annotation.instance, ""),
                features=features_on(self.measures.of(annotation.instance), entry.known.warnings),
                decision=self._decisions.of(annotation.instance),
            )
            for annotation in entry.annotations
        )

    def file(self, uid: str, annotation: Annotation) -> Path:
        """A SEG of a series as NIfTI file on the grid of the series.

        When it is read first it is checked and measured as what comes in by any other way, for a
        viewer stores in the PACS without asking. Raises AcsnetError where the SEG cannot be read
        as our labels.
        """
        return self._file(self._archive.entry(uid), annotation)

    def _file(self, entry: Entry, annotation: Annotation) -> Path:
        """As `file`, on the images that an entry names."""
        images = state_of_images(entry)[:16]
        path = self._folder / f"{annotation.instance}-{images}-checked{SCAN_SUFFIXES[0]}"
        if not path.exists():
            scan, sources = self._archive.read_entry(entry)
            reading = self._archive.label_map(annotation, sources)
            labels = scan.grid.to_input(reading.labels)
            if labels.any():
                self._measure(entry.uid, annotation, scan, labels, notes=reading.warnings)
            write_label_map(path, labels, scan.grid)
        return path

    def file_of(self, uid: str, instance: str) -> Path:
        """As `file`, of any SEG by its SOPInstanceUID. Raises UnknownError."""
        for annotation in self._entry(uid).annotations:
            if annotation.instance == instance:
                return self.file(uid, annotation)
        msg = f"there is no SEG {instance!r} on this series"
        raise UnknownError(msg)

    def _measure(
        self,
        uid: str,
        annotation: Annotation,
        scan: ShortAxisScan,
        labels: NDArray[np.uint8],
        *,
        notes: tuple[str, ...],
    ) -> None:
        """Keep the measures of a SEG; those known already stay, beside what the checks say."""
        if annotation.by_model and self.measures.of(annotation.instance):
            return
        given = given_for(self._store, uid, scan=NEVER_CHANGES)
        measured = kept_features(measure_marked(scan, labels, notes=notes, given=given))
        with self.measures.change:  # whoever stored the SEG may have kept its measures meanwhile
            known = self.measures.of(annotation.instance)
            if known and annotation.by_model:
                return
            # Measures known already are those with what was entered then, and so are its doubts.
            new = [w for w in measured["warnings"] if not (known and depends_on_given(w))]
            warnings = dict.fromkeys((*known.get("warnings", ()), *new))
            flags = known.get("quality", [])
            flags = [*flags, *(flag for flag in measured["quality"] if flag not in flags)]
            checked = {"warnings": list(warnings), "quality": flags}
            self.measures.keep(annotation.instance, {**measured, **known, **checked})

    def store(
        self,
        uid: str,
        measured: Measured,
        *,
        features: Mapping[str, Any],
        author: str,
        state: State,
        model: str,
        reviewer: str = "",
        comment: str = "",
        draft: str = "",
    ) -> LabelRecord:
        """Store a person's label map as a new SEG with its report; what was there before stays.

        features: as in `NewLabel`; model: whose draft it began from, empty for none; reviewer: of
        a draft of the model that is taken over as it is, whom the SEG then names; draft: as in
        `SegDecision`. Where the newest SEG says the same and still holds, a save was repeated, and
        its record is given: it may name another reviewer and comment.
        """
        taken_over = bool(reviewer) and by_networks(author)
        newest = next(iter(self._entry(uid).annotations), None)
        at = datetime.now(timezone.utc).astimezone()
        details, _ = entered(self._store, uid, scan=NEVER_CHANGES)
        reading = reading_of(
            details,
            reviewed=state == "reviewed",
            author=author,
            reviewer=reviewer,
            at=at,
            comment=comment,
        )

        def note(instance: str) -> None:
            if reviewer:
                self._decisions.add(
                    SegDecision(
                        instance=instance,
                        author=author,
                        draft=draft,
                        reviewer=reviewer,
                        comment=comment,
                    )
                )
            self.saves.add(instance, user=reviewer or author, image=uid, model=model, state=state)

        stored = self._archive.store_drawn(
            uid,
            measured.label_map(),
            companions_of(measured, features=features, reading=reading),
            author=reviewer if taken_over else author,
            state=state,
            unedited=taken_over,
            anew=newest is not None and newest.state == "withdrawn",
            before_store=note,
        )
        features = {**features, MODEL_VERSION: model}
        missing = stored.missing
        try:
            if not (stored.repeated and self.measures.of(stored.instance)):
                self.measures.keep(stored.instance, features)
        except OSError as error:  # they are made again when the SEG is read
            missing = (*missing, f"its measures could not be kept: {error.strerror}")
        if stored.repeated:
            records = {record.id: record for record in self.records(self._entry(uid))}
            return replace(records[stored.instance], missing=missing)
        return LabelRecord(
            id=stored.instance,
            tag=REVIEWED if state == "reviewed" else READER_DRAFT,
            state=state,
            author=author,
            reviewer=reviewer,
            saved=at,
            reviewed=at if state == "reviewed" else None,
            model=model,
            features=features,
            missing=missing,
            comment=comment,
        )

    def store_draft(self, uid: str, measured: Measured, model: str) -> None:
        """Store what the model drew with its report, unless its newest draft is the same.

        Raises PacsError where the PACS does not take it.
        """
        details, _ = entered(self._store, uid, scan=NEVER_CHANGES)
        reading = reading_of(
            details, reviewed=False, author=MODEL, reviewer="", at=None, comment=""
        )
        stored = self._archive.store_draft(
            uid,
            measured.label_map(),
            companions_of(measured, features=measured.features_dict(), reading=reading),
            anew=self._is_draft_rejected(uid),
        )
        if stored is not None:
            self.measures.keep(stored.instance, {**kept_features(measured), MODEL_VERSION: model})

    def withdraw(self, uid: str, record: LabelRecord, *, by: str, reason: str) -> LabelRecord:
        """Note that a SEG is not to be used; it stays in the PACS. Who did so first is kept."""
        if record.state == "withdrawn":
            return record
        decision = self._decisions.of(record.id) or SegDecision(instance=record.id)
        self._decisions.add(replace(decision, withdrawn_by=by, comment=reason))
        return next(label for label in self.records(self._entry(uid)) if label.id == record.id)

    def _is_draft_rejected(self, uid: str) -> bool:
        """Whether the newest draft of the model was withdrawn."""
        draft = self._archive.entry(uid).model_draft
        decision = None if draft is None else self._decisions.of(draft.instance)
        return decision is not None and bool(decision.withdrawn_by)

    def review(self, uid: str, version: str, *, by: str, comment: str = "") -> LabelRecord:
        """Store a person's draft once more, as reviewed; the draft stays as it is.

        version: SOPInstanceUID of the draft; by: who reviewed it, which this server notes, as the
        SEG names who drew it. Where that was done before, by whomever, and not withdrawn since, the
        record of that is given. Raises InputError for a version that is not there or is the
        model's.
        """
        entry = self._entry(uid)
        for record in self.records(entry):
            if record.state == "reviewed" and version in (record.id, self._draft_of(record.id)):
                return replace(record, missing=self._archive.send_again(record.id))
        annotation = next((seg for seg in entry.drawn if seg.instance == version), None)
        if annotation is None:
            msg = f"image {uid!r} has no version {version!r} by a person"
            raise InputError(msg)
        scan, sources = self._archive.read(uid)
        reading = self._archive.label_map(annotation, sources)
        labels = scan.grid.to_input(reading.labels)
        given = given_for(self._store, uid, scan=NEVER_CHANGES)
        measured = measure_marked(scan, labels, notes=reading.warnings, given=given)
        return self.store(
            uid,
            measured,
            features=kept_features(measured),
            author=annotation.author,
            state="reviewed",
            model=str(self.measures.of(version).get(MODEL_VERSION) or ""),
            reviewer=by,
            comment=comment,
            draft=version,
        )

    def _draft_of(self, instance: str) -> str:
        """SOPInstanceUID of the draft that a reviewed SEG is made of; empty where none is noted."""
        decision = self._decisions.of(instance)
        return "" if decision is None else decision.draft

    def reviewed(self, entries: Iterable[Entry], *, anew: bool = False) -> list[Reviewed]:
        """What a network may be trained on: the newest reviewed label of each scan.

        One that cannot be read is left out, as the log says, and one on what is no short-axis LGE.

        anew: ask for each scan whose images nobody counts whether it has others by now; else what
            its entry says holds.
        """
        reviewed = []
        for entry in entries:
            annotation = entry.newest("reviewed")
            if entry.known.reason is not None or annotation is None:
                continue
            is_known = entry.examination is not None and (entry.is_counted or not anew)
            try:
                examined = entry if is_known else self._archive.entry(entry.uid)
                label = self._file(examined, annotation)
                if not is_fit(examined.known.warnings):
                    continue
                image = self._archive.fetch_entry(examined)
            except AcsnetError as error:
                logger.warning("a label is left out: %s", error)
                continue
            decision = self._decisions.of(annotation.instance)
            record = record_of_seg(annotation, features={}, decision=decision)
            reviewed.append(
                Reviewed(
                    name=entry.uid,
                    patient=patient_of(entry) or entry.uid,
                    image=image,
                    label=label,
                    at=0.0 if record.saved is None else record.saved.timestamp(),
                    unchanged=by_networks(record.author),
                    study=entry.study,
                )
            )
        return reviewed

    def drawn_by(self, uid: str) -> dict[str, NDArray[np.uint8]]:
        """Author -> the newest label map of theirs, on the grid of the series."""
        newest = {seg.author: seg for seg in reversed(self._entry(uid).drawn)}
        scan, sources = self._archive.read(uid)
        return {
            author: scan.grid.to_input(self._archive.label_map(seg, sources).labels)
            for author, seg in newest.items()
        }


def state_of_images(entry: Entry) -> str:
    """What changes when the stack of a scan gets other images; empty until it is known."""
    names = "/".join(entry.known.instances)
    return hashlib.sha256(names.encode()).hexdigest() if names else ""
