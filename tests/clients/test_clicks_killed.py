"""Four readers click on four cases of a real server that is killed: nothing mixed, nothing lost."""

import json
import random
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import requests

SAMPLES = Path(__file__).parents[2] / "sample-data"
READERS = ("Ada", "Ben", "Cem", "Dee")
KINDS = ("wall", "outside", "cavity", "healthy", "scar")
CLICKS_BEFORE_A_KILL = 3
PATIENCE_S = 300
"""With a server beside whatever else this machine does."""


@dataclass
class Clicker:
    """A reader with a case of their own.

    sent: all clicks of the last request; answered: those of the last that was answered, and its
    label map; fault: what else than the end of the server went wrong.
    """

    name: str
    case: str
    chance: random.Random
    heart: np.ndarray
    sent: list = field(default_factory=list)
    answered: list = field(default_factory=list)
    label_map: str = ""
    fault: str = ""

    def ask(self, url, clicks, **more):
        return requests.post(
            f"{url}/acsnet/cases/{self.case}/click",
            json={"clicks": clicks, "user": self.name, **more},
            timeout=PATIENCE_S,
        )

    def click_until_the_server_ends(self, url):
        while not self.fault:
            column, row, k = self.heart[self.chance.randrange(len(self.heart))].tolist()
            click = {"slice": k + 1, "row": row, "column": column}
            clicks = [*self.answered, {**click, "kind": self.chance.choice(KINDS)}]
            self.sent = clicks
            try:
                answer = self.ask(url, clicks)
            except requests.RequestException:
                return
            if answer.ok:
                self.answered, self.label_map = clicks, answer.json()["label_map"]["data"]
            else:
                self.fault = answer.text


@pytest.fixture
def studies(tmp_path):
    """Four cases: each phantom twice."""
    folder = tmp_path / "studies"
    folder.mkdir()
    for number in range(len(READERS)):
        scan = SAMPLES / "nifti" / f"phantom-{number % 2 + 1}.nii.gz"
        shutil.copy(scan, folder / f"case-{number}.nii.gz")
    return folder


def own_label(url, reader, number):
    """Save the truth as the label map of a reader; where its heart is, (n, 3)."""
    truth = SAMPLES / "truth" / f"phantom-{number % 2 + 1}.nii.gz"
    with truth.open("rb") as stream:
        answer = requests.put(
            f"{url}/datastore/label",
            params={"image": f"case-{number}", "tag": "draft"},
            data={"params": json.dumps({"user": reader, "state": "draft"})},
            files={"label": stream},
            timeout=PATIENCE_S,
        )
    assert answer.ok, answer.text
    return np.argwhere(np.asarray(nib.load(truth).dataobj) > 0)


def serve(start, port, studies, state):
    process, _ = start("serve", "--studies", studies, "--port", port, ACSNET_STATE=str(state))
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(f"{url}/readyz", timeout=PATIENCE_S).ok:
                return process, url
        except requests.ConnectionError:
            time.sleep(0.1)
    pytest.fail("the server did not start")


def without_outcome(clicks):
    return [(one["slice"], one["row"], one["column"], one["kind"]) for one in clicks]


def check(url, clickers):
    """What the server has of each reader is theirs, and no less than they were told."""
    for one in clickers:
        assert not one.fault
        address = f"{url}/acsnet/cases/{one.case}/click"
        kept = requests.get(address, params={"user": one.name}, timeout=PATIENCE_S).json()
        known = without_outcome(kept["clicks"])
        assert known in (without_outcome(one.answered), without_outcome(one.sent))
        for other in clickers:
            if other is not one:
                theirs = requests.get(
                    address, params={"user": other.name}, timeout=PATIENCE_S
                ).json()
                assert theirs == {"started_from": None, "clicks": []}
        again = one.ask(url, one.answered).json()
        assert again["label_map"]["data"] == one.label_map
        assert again["started_from"]["version"] == kept["started_from"]["version"]


def test_four_readers_on_four_cases_lose_and_mix_nothing_when_the_server_is_killed(
    start, port, studies, tmp_path
):
    state, seed = tmp_path / "state", random.randrange(10_000)
    chance = random.Random(seed)
    process, url = serve(start, port, studies, state)
    clickers = [
        Clicker(
            name=name,
            case=f"case-{number}",
            chance=random.Random(seed + number),
            heart=own_label(url, name, number),
        )
        for number, name in enumerate(READERS)
    ]
    for _ in range(2):
        enough = [len(one.answered) + CLICKS_BEFORE_A_KILL for one in clickers]
        threads = [
            threading.Thread(target=one.click_until_the_server_ends, args=(url,))
            for one in clickers
        ]
        for thread in threads:
            thread.start()
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and any(
            len(one.answered) < count and not one.fault
            for one, count in zip(clickers, enough, strict=True)
        ):
            time.sleep(0.02)
        time.sleep(chance.uniform(0.0, 0.5))
        process.kill()
        process.wait()
        for thread in threads:
            thread.join()
        process, url = serve(start, port, studies, state)
        check(url, clickers)
        assert all(
            len(one.answered) >= count for one, count in zip(clickers, enough, strict=True)
        ), seed
    for one in clickers:
        saved = one.ask(url, one.answered, save=True)
        assert saved.ok, saved.text
        address = f"{url}/acsnet/cases/{one.case}/versions.json"
        newest = requests.get(address, timeout=PATIENCE_S).json()[0]
        assert (newest["version"], newest["user"]) == (saved.json()["saved"]["version"], one.name)
