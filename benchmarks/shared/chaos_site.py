"""The server that `chaos.py` damages, and what its clients were told."""

import json
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pydicom
import requests

from acsnet.fine_tuning.model_registry import SHIPPED_NAME, Models
from acsnet.fine_tuning.training_request import Reviewed, write_request
from acsnet.fine_tuning.training_status import DONE, change_status
from kill_under_load import faults as lost
from kill_under_load import versions
from shared.load import SAMPLES, Server, Told

SERIES = SAMPLES.parent / "dicom" / "phantom-1"
LIMITS = {"ACSNET_LIMITS_FREE_GB": "0.001"}


class Cards:
    """Draws kinds in any order, and none again before all have come."""

    def __init__(self, kinds: tuple[str, ...], chance: random.Random) -> None:
        self._kinds, self._chance = kinds, chance
        self._left: list[str] = []

    def draw(self) -> str:
        """The next kind."""
        if not self._left:
            self._left = self._chance.sample(self._kinds, len(self._kinds))
        return self._left.pop()


class Site:
    """A server, what its clients were told, and the chance that draws."""

    def __init__(self, place: Path, chance: random.Random) -> None:
        self.server = Server(place)
        self.chance = chance
        self.told = Told()
        self.number = 0
        self.cut_lines = 0
        self.cards: dict[tuple[str, ...], Cards] = {}
        self.damaged: Counter[str] = Counter()
        shutil.copytree(SERIES, self.server.studies / SERIES.name)
        first = pydicom.dcmread(min(SERIES.iterdir()), stop_before_pixels=True)
        self.server.images.append(str(first.SeriesInstanceUID))
        self.server.labels[self.server.images[-1]] = self.server.labels[self.server.images[0]]

    @property
    def models(self) -> Models:
        """The models of the studies folder."""
        (store,) = self.server.state.glob("studies/*")
        return Models(self.server.state / "models" / store.name)

    def reader(self) -> str:
        """A name that nobody has had: each reader saves once."""
        self.number += 1
        return f"reader-{self.number}"

    def save(self) -> None:
        """One save by a new reader; an error of the answer is none of the check."""
        told = Told()
        self.server.save(self.chance.choice(self.server.images), self.reader(), told)
        self.told.versions |= told.versions

    def draw(self, kinds: tuple[str, ...]) -> str:
        """One of some kinds, all of which come in turn."""
        return self.cards.setdefault(kinds, Cards(kinds, self.chance)).draw()

    def fill(self) -> None:
        """Leave one of each kind of file in the state folder, as readers do."""
        case = f"{self.server.url}/acsnet/cases/{self.server.images[0]}"
        for _ in range(3):
            self.save()
        scan = (SAMPLES / "phantom-2.nii.gz").read_bytes()
        sent = {"files": {"file": ("sent.nii.gz", scan)}}
        self._ask("POST", f"{case}/details", data={"by": "Ana", "comment": "short"})
        self._ask("PUT", f"{case}/edit", json={"frames": {}, "by": "Ana"})
        self._ask("POST", f"{case}/click", json={"clicks": [], "user": "Ana"})
        self._ask("PUT", f"{self.server.url}/datastore/image?image=sent", **sent)
        self._ask("POST", f"{self.server.url}/infer/acsnet?image={self.server.images[-1]}")
        told = Told()
        self.server.save(self.server.images[0], self.reader(), told)
        withdrawn = {"version": next(iter(told.versions)), "by": "Ana"}
        self._ask("POST", f"{case}/withdraw", json=withdrawn)
        self._leave_training()

    def _leave_training(self) -> None:
        """Leave the folder of a training that has ended, as its process does."""
        label = min(self.server.state.glob("studies/*/versions/*/*.nii.gz"))
        gone = self.server.studies / "gone"  # five copies of one scan would be one patient
        reviewed = [
            Reviewed(name=f"scan-{k}", patient=str(k), image=gone, label=label, at=0.0)
            for k in range(5)
        ]
        about = {"base": SHIPPED_NAME, "device": "cpu", "threads": 1, "quiet_s": 0.0}
        run = write_request(self.models.root, reviewed, trainer="roi", **about)
        change_status(run, state=DONE)

    def start(self) -> None:
        """Start it with the limits of a small disk."""
        self.server.start(**LIMITS)

    def inferences(self) -> int:
        """How many scans the server has segmented since it was started."""
        lines = requests.get(f"{self.server.url}/metrics", timeout=60).text.splitlines()
        rows = [line for line in lines if line.startswith("acsnet_inferences_total{")]
        return round(sum(float(row.split()[-1]) for row in rows if 'outcome="done"' in row))

    def check(self) -> list[str]:
        """What is not as it was told."""
        wrong = lost(self.server.state, self.told)
        authors = Counter(version.author for version in versions(self.server.state).values())
        wrong += [
            f"a save of {name} is there {count} times"
            for name, count in authors.items()
            if count > 1
        ]
        for path in ("/readyz", "/acsnet/", "/acsnet/training", "/info/"):
            wrong += self.page(path)
        for image in self.server.images:
            wrong += self.page(f"/acsnet/cases/{image}")
        unreadable, live = 0, "shipped"
        for line in (self.server.state / "audit.jsonl").read_bytes().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                unreadable += 1
                continue
            if entry["event"] in ("promote", "rollback"):
                live = entry["model"]
        if unreadable > self.cut_lines:
            wrong.append(f"{unreadable} lines of the audit log cannot be read")
        if live != self.models.aliases().live:
            wrong.append(f"the log says that {live} is live, not {self.models.aliases().live}")
        return wrong

    @staticmethod
    def _ask(method: str, address: str, **sent: Any) -> None:
        requests.request(method, address, timeout=600, **sent).raise_for_status()

    def page(self, path: str) -> list[str]:
        """What is wrong with a page."""
        try:
            answer = requests.get(f"{self.server.url}{path}", timeout=60)
        except requests.RequestException as error:
            return [f"{path}: {type(error).__name__}"]
        return [] if answer.ok else [f"{path}: {answer.status_code} {answer.text[:200]}"]
