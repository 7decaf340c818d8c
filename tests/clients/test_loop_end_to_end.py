"""The annotation loop from beginning to end: a server process, the client that 3D Slicer ships.

The scans are rings and the networks have a few filters, so that a training takes seconds; what is
served at first has hardly begun to learn what a wall is (`small_site.py`).
"""

import itertools
import json
import signal
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import psutil
import pytest
import requests
import small_site

SHARED = Path(small_site.__file__).parent
PATIENTS = [f"ring{number}" for number in range(4)]
NEW_LABELS, PAUSE_S = 3, 4.0
SETTINGS = {
    "ACSNET_TRAIN_AFTER": str(NEW_LABELS),
    "ACSNET_TRAIN_PAUSE_S": str(PAUSE_S),
    "ACSNET_TRAIN_TRAINER": "myo",
    "ACSNET_TRAIN_QUIET_S": "0",
    "ACSNET_TRAIN_THREADS": "1",
    "ACSNET_PICK_AHEAD": "0",
}
PATIENCE_S = 300.0


class Site:
    """The studies and state of a site, and the server that is up.

    masks: (image, version of the model) -> what was served, always the same.
    """

    def __init__(self, folder, start_process, slicer):
        from acsnet.fine_tuning.model_registry import Models
        from acsnet.server.state.paths import models_folder

        self.folder, self._start, self._slicer = folder, start_process, slicer
        self.studies, self.state = folder / "studies", folder / "state"
        self.masks = {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ACSNET_STATE", str(self.state))
            self.models = Models(models_folder(str(self.studies)))

    def start(self):
        """Start a server, or another one in place of one that was killed."""
        self.process, self.url, _ = self._start(
            self.studies,
            program=(sys.executable, SHARED / "small_serve.py"),
            ACSNET_STATE=str(self.state),
            **SETTINGS,
        )
        self.client = self._slicer.MONAILabelClient(self.url, tmpdir=str(self.folder))

    def kill(self):
        """Kill the server and its training at once."""
        for process in (psutil.Process(self.process.pid), *self.trainings()):
            process.send_signal(signal.SIGKILL)
            process.wait(30)

    def trainings(self):
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if any(str(self.models.root) in part for part in process.info["cmdline"] or ())
        ]

    def infer(self, image):
        """The version that drew a mask, and the mask: never one of two versions."""
        file, params = self.client.infer("acsnet", image, {})
        version, mask = params["model_version"], np.asarray(nib.load(file).dataobj)
        np.testing.assert_array_equal(mask, self.masks.setdefault((image, version), mask))
        return version, mask

    def save(self, image, labels, **params):
        file = small_site.write(self.folder / "sent" / f"{image}.nii.gz", labels)
        return self.client.save_label(image, str(file), params={"user": "Ana", **params})

    def review(self, image, version):
        address = f"{self.url}/acsnet/cases/{image}/accept"
        (known,) = [one for one in self.versions()[image] if one["version"] == version]
        shown = known["features"]["warnings"]
        form = {"version": version, "by": "Eve", "warnings_shown": shown}
        assert requests.post(address, json=form, timeout=60).ok

    def versions(self):
        """All that was ever saved: image -> versions, newest first."""
        address = f"{self.url}/acsnet/cases/{{}}/versions.json"
        return {image: requests.get(address.format(image), timeout=60).json() for image in PATIENTS}

    def runs(self):
        from acsnet.fine_tuning.training_request import run_folders

        return run_folders(self.models.root)

    def training(self):
        """The newest training, as the client's progress bar is told of it."""
        return self.client.train_status()

    def until(self, condition):
        """Wait, and see all the while that no mask is of two versions."""
        begun = time.monotonic()
        for look in itertools.count():
            if condition():
                return
            assert time.monotonic() < begun + PATIENCE_S, self.log()
            if look % 20 == 19:
                self.infer(PATIENTS[0])
            time.sleep(0.2)

    def log(self):
        """What the runs printed and how they stand."""
        files = [run / name for run in self.runs() for name in ("log.txt", "status.json")]
        return "".join(file.read_text() for file in files)


@pytest.fixture
def site(tmp_path, start_process, slicer):
    """Four patients nobody has labelled, and a live model that draws them badly."""
    one = Site(tmp_path, start_process, slicer)
    pairs = [
        (
            small_site.write_image(one.studies / f"{image}.nii.gz", number),
            small_site.write(tmp_path / "truth" / f"{image}.nii.gz", small_site.truth_of(number)),
        )
        for number, image in enumerate(PATIENTS)
    ]
    chain = small_site.write_beginners(tmp_path / "chain", pairs)
    one.models.promote(one.models.add(chain, {"trainer": "beginner"}))
    one.start()
    yield one
    for process in one.trainings():
        process.kill()


def registered(models):
    """What MLflow holds: our names of all versions, and the aliases."""
    from acsnet.fine_tuning.mlflow_mirror import MODEL, TAG
    from acsnet.train.mlflow_runs import open_client

    client = open_client(models.root)
    found = client.search_model_versions(f"name = '{MODEL}'")
    names = {str(version.version): version.tags[TAG] for version in found}
    aliases = client.get_registered_model(MODEL).aliases
    return set(names.values()), {alias: names[str(number)] for alias, number in aliases.items()}


def test_a_site_learns_refuses_poison_goes_back_and_loses_nothing(site, acsnet):
    models, (beginner, _) = site.models, site.infer(PATIENTS[0])

    # A reader is given every scan once, sees what the model drew, alters it and saves.
    seen, saved = {}, {}
    for _ in PATIENTS:
        image = site.client.next_sample("acsnet", {"client_id": "Ana"})["id"]
        version, mask = site.infer(image)
        altered = small_site.truth_of(PATIENTS.index(image))
        assert version == beginner
        assert not np.array_equal(mask, altered)
        answer = site.save(image, altered)
        assert (answer["state"], answer["model"]) == ("draft", beginner)
        seen[image], saved[image] = mask, answer["version"]
    assert sorted(seen) == PATIENTS

    # Drafts train nothing. Reviews do, once the reviewer pauses: the fourth is not too late.
    assert site.runs() == []
    for image in PATIENTS:
        site.review(image, saved[image])
    assert site.runs() == []
    site.until(site.runs)
    request = json.loads((site.runs()[0] / "request.json").read_text())
    assert [case["name"] for case in request["cases"]] == PATIENTS
    held = [case["name"] for case in request["cases"] if case["held"]]
    assert len(held) == 1

    # Killed in the middle of training: the next server has all labels and goes on.
    site.until(lambda: site.training()["epoch"] >= 1)
    before = site.versions()
    site.kill()
    assert models.aliases().live == beginner
    (models.root / "die").touch()
    site.start()
    assert site.versions() == before
    assert {image: found[0]["version"] for image, found in before.items()} == saved

    # Killed in the middle of promotion: what was proven better is served, and put on record.
    site.until(lambda: not (models.root / "die").exists())
    better = models.aliases().live
    assert site.infer(PATIENTS[0])[0] == better != beginner
    site.until(lambda: site.training()["status"] == "DONE")
    assert "myo: going on after epoch" in site.log()
    assert site.training()["promoted"]
    assert models.record(better)["decision"]["promote"]
    assert registered(models) == (
        {"shipped", beginner, better},
        {"live": better, "previous": beginner},
    )

    # Poison: labels with their voxels shuffled make a candidate, and it is refused.
    for image in sorted(set(PATIENTS) - set(held)):
        poison = small_site.shuffled(small_site.truth_of(PATIENTS.index(image)))
        site.save(image, poison, state="reviewed")
    site.until(lambda: len(site.runs()) == 2)
    site.until(lambda: site.training()["status"] == "DONE")
    refused = site.training()["candidate"]
    assert not site.training()["promoted"]
    assert "worse than the margin" in site.training()["detail"]
    assert vars(models.aliases()) == {
        "live": better,
        "previous": beginner,
        "candidate": refused,
    }

    # Back: the exact masks of before the promotion.
    for image in PATIENTS:
        assert site.infer(image)[0] == better
    command = ("models", "rollback", "--studies", site.studies)
    done = acsnet(*command, ACSNET_STATE=str(site.state))
    assert (done.stderr, done.returncode) == ("", 0)
    for image in PATIENTS:
        version, mask = site.infer(image)
        assert version == beginner
        np.testing.assert_array_equal(mask, seen[image])
        assert not np.array_equal(mask, site.masks[image, better])
    assert registered(models)[1] == {k: v for k, v in vars(models.aliases()).items() if v}

    # Nothing was lost on the way.
    after = site.versions()
    for image, found in before.items():
        assert after[image][-len(found) :] == found
        assert len(after[image]) == len(found) + (image not in held)
    lines = (site.state / "audit.jsonl").read_text().splitlines()
    events = {json.loads(line)["event"] for line in lines}
    assert events >= {"infer", "save", "review", "train", "promote", "rollback"}
