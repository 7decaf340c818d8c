"""A real server process under load: what the benchmarks of its operation share."""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np
import requests

SAMPLES = Path(__file__).parents[2] / "sample-data" / "nifti"
COMMAND = (sys.executable, "-c", "from acsnet.cli.main import main; main()")
START_SECONDS = 300
REQUEST_SECONDS = 600


@dataclass(kw_only=True)
class Told:
    """What clients were told: seconds of inferences, ids of versions and of inferences, errors."""

    seconds: list[float] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    inferences: list[str] = field(default_factory=list)
    asked_again: int = 0
    errors: list[str] = field(default_factory=list)


class Server:
    """`acsnet serve` on a copy of scans, by default our samples, with a state folder of its own."""

    def __init__(self, folder: Path, *, scans: Path = SAMPLES) -> None:
        self.studies, self.state = folder / "studies", folder / "state"
        self.log = folder / "log.txt"
        shutil.copytree(scans, self.studies)
        self.images = sorted(file.name[: -len(".nii.gz")] for file in self.studies.glob("*.nii.gz"))
        self.labels = {image: self._label(folder, image) for image in self.images}
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """For this and for other commands on the same state."""
        return {**os.environ, "ACSNET_STATE": str(self.state)}

    def add_account(self, name: str, role: str, password: str) -> None:
        """An account for a server that is started with a login."""
        subprocess.run(  # noqa: S603 # a command of our own
            [*COMMAND, "accounts", "add", name, "--role", role],
            input=f"{password}\n",
            env=self.environment,
            text=True,
            check=True,
            capture_output=True,
        )

    def start(self, **environment: str) -> float:
        """Start it and wait until it is ready; seconds that took."""
        begun = time.monotonic()
        command = [*COMMAND, "serve", "--studies", str(self.studies), "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 # a command of our own
                command,
                env={**self.environment, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        while time.monotonic() - begun < START_SECONDS and self.process.poll() is None:
            try:
                if requests.get(f"{self.url}/readyz", timeout=START_SECONDS).ok:
                    return time.monotonic() - begun
            except requests.ConnectionError:
                time.sleep(0.2)
        msg = f"the server did not start:\n{self.log.read_text()}"
        raise RuntimeError(msg)

    def kill(self) -> None:
        """As a power cut, for this process."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """As an operator does."""
        self.process.terminate()
        self.process.wait()

    def run(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Another `acsnet` command on the same state."""
        return subprocess.run(  # noqa: S603 # a command of our own
            [*COMMAND, *map(str, arguments)],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def infer(self, image: str, name: str, told: Told) -> None:
        """One inference by the reader `name`, asked again while the queue is full."""
        begun = time.monotonic()
        form = {"params": json.dumps({"client_id": name})}
        answer = self._asked(
            lambda: requests.post(
                f"{self.url}/infer/acsnet",
                params={"image": image},
                data=form,
                timeout=REQUEST_SECONDS,
            ),
            told,
        )
        if answer is not None:
            told.seconds.append(time.monotonic() - begun)
            told.inferences.append(name)

    def save(self, image: str, name: str, told: Told) -> None:
        """One reviewed label by the reader `name`."""
        form = {"params": json.dumps({"user": name, "state": "reviewed"})}
        content = ("label.nii.gz", self.labels[image])
        answer = self._asked(
            lambda: requests.put(
                f"{self.url}/datastore/label",
                params={"image": image, "tag": "final"},
                data=form,
                files={"label": content},
                timeout=REQUEST_SECONDS,
            ),
            told,
        )
        if answer is not None:
            told.versions[answer.json()["version"]] = image

    @staticmethod
    def _asked(ask: Callable[[], requests.Response], told: Told) -> requests.Response | None:
        """The answer; None and a note where there is none that is good."""
        while True:
            try:
                answer = ask()
            except requests.RequestException as error:
                told.errors.append(type(error).__name__)
                return None
            if answer.status_code == 200:
                return answer
            if answer.status_code != 503:
                told.errors.append(f"{answer.status_code}: {answer.text[:200]}")
                return None
            told.asked_again += 1
            time.sleep(min(float(answer.headers["Retry-After"]), 5.0))

    def _label(self, folder: Path, image: str) -> bytes:
        scan = nib.load(self.studies / f"{image}.nii.gz")
        data = np.zeros(scan.shape, np.uint8)
        data[tuple(slice(size // 3, size - size // 3) for size in data.shape)] = 2
        path = folder / "label.nii.gz"
        nib.save(nib.Nifti1Image(data, scan.affine), path)
        return path.read_bytes()


class Pulse:
    """Asks one path all the time, by one connection, and notes how long each answer took."""

    def __init__(self, url: str, path: str) -> None:
        self._place, self._end = f"{url}{path}", threading.Event()
        self.seconds: list[float] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """The last one."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        with requests.Session() as session:
            while not self._end.wait(0.05):
                begun = time.perf_counter()
                session.get(self._place, timeout=60).raise_for_status()
                self.seconds.append(time.perf_counter() - begun)


class Clients:
    """Readers who go on with inferences and saves until they are told to stop."""

    def __init__(self, server: Server, *, count: int, name: str, saves: int = 3) -> None:
        """saves: after each inference."""
        self._server, self._name, self._saves = server, name, saves
        self._end = threading.Event()
        self.told = [Told() for _ in range(count)]
        self._threads = [
            threading.Thread(target=self._work, args=(number,)) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> Told:
        """What all of them were told, once the last request was answered or cut off."""
        self._end.set()
        for thread in self._threads:
            thread.join()
        return Told(
            seconds=[second for one in self.told for second in one.seconds],
            versions={key: value for one in self.told for key, value in one.versions.items()},
            inferences=[name for one in self.told for name in one.inferences],
            asked_again=sum(one.asked_again for one in self.told),
            errors=[error for one in self.told for error in one.errors],
        )

    def _work(self, number: int) -> None:
        told, chance, turn = self.told[number], random.Random(number), 0  # noqa: S311 # no secret
        while not self._end.is_set() and not told.errors:
            turn += 1
            name = f"{self._name}-{number}-{turn}"
            if turn % (self._saves + 1) == 0:
                self._server.infer(chance.choice(self._server.images), name, told)
            else:
                self._server.save(chance.choice(self._server.images), name, told)


def folder() -> tempfile.TemporaryDirectory[str]:
    """Where a server lives, gone with it."""
    return tempfile.TemporaryDirectory(prefix="acsnet-load-")
