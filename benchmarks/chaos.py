"""Draw faults at random, one after another, and check after each that nothing told is untrue.

Kinds of faults: a server killed under load, a file of the state damaged, the audit log cut short, a
change of the model killed before its line in the log, a disk that fills up, a save whose answer is
lost, clients that go while they wait, a PACS that hangs, cuts its answers or answers HTML. Kinds of
faults, and kinds of files, are drawn like cards: none comes again before all have come.

Checked after each: the server starts and is ready, everything that a client was told is there,
nothing is there twice, the audit log is complete, the model that is served is the one on record,
every page works, those of other cases also while a file is damaged. A seed gives the same faults
again: `python benchmarks/chaos.py --seed 7`. A full disk needs root, for a tmpfs.
"""

import argparse
import json
import logging
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests
from rich.console import Console

from acsnet.errors import PacsError
from acsnet.nets.weights import MANIFEST, SHIPPED
from acsnet.pacs.config import PacsSettings
from acsnet.pacs.dicomweb import DicomWeb
from acsnet.pacs.worklist import WorkList
from shared.chaos_site import Site
from shared.load import Clients, Told, folder

DISK_MB = 256
GOERS = 50
DAMAGES = (b"", b"{", b"\x00" * 64)

REBUILT = (
    "studies/*/records/*.json",
    "studies/*/taken.jsonl",
    "studies/*/begun/*",
    "studies/*/clicks/*.json",
    "studies/*/details/*.json",
    "edits/*/*.json",
    "studies/*/versions/*/*.withdrawn",
    "studies/*/seg/*/*.dcm",
    "studies/*/labels/*/*.nii.gz",
    "studies/*/scores/*.npz",
    "studies/*/scores.jsonl",
    "models/*/changes.jsonl",
    "models/*/versions/*/record.json",
    "models/*/runs/*/status.json",
    "models/*/runs/*/request.json",
    "models/*/runs/*/labels/*.nii.gz",
)
"""What is made anew, passed over or set aside when it is damaged, or says all by being there."""

PUT_BACK = (
    "state.json",
    "models/*/aliases.json",
    "models/*/holdout.json",
    "studies/*/versions/*/*.json",
    "studies/*/versions/*/*.nii.gz",
    "studies/*/versions/*/*.reviewed",
    "studies/*/uploads/*",
    "models/*/versions/*/weights/*.safetensors",
    "models/*/versions/*/weights/*.json",
)
"""What has to be put back as it was; other cases go on meanwhile, or the server says why not."""


REFUSED = r"is damaged|were altered|are missing|missing or broken"
"""How a server says that it does not start without a file as it was."""


def kill(site: Site) -> list[str]:
    """Killed while readers save."""
    clients = Clients(site.server, count=2, name=f"k{site.reader()}", saves=1000)
    time.sleep(site.chance.uniform(0.2, 3.0))
    site.server.kill()
    site.told.versions |= clients.stop().versions
    site.start()
    return []


def damage_rebuilt(site: Site) -> list[str]:
    """A file that can be made again is damaged while the server is stopped."""
    return _damage(site, REBUILT, put_back=False)


def damage_kept(site: Site) -> list[str]:
    """A file that cannot be made again is damaged, and put back once the server said so."""
    return _damage(site, PUT_BACK, put_back=True)


def _damage(site: Site, patterns: tuple[str, ...], *, put_back: bool) -> list[str]:
    site.server.stop()
    files: list[Path] = []
    for _ in patterns:
        kind = site.draw(patterns)
        files = sorted(site.server.state.glob(kind))
        if files:
            break
    site.damaged[kind] += 1
    file = site.chance.choice(files)
    content = file.read_bytes()
    damage = site.chance.choice((*DAMAGES, content[: len(content) // 2]))
    file.write_bytes(damage)
    wrong, before = [], len(site.server.log.read_text())
    try:
        site.start()
    except RuntimeError:
        told = site.server.log.read_text()[before:]
        if not put_back or not re.search(REFUSED, told) or "Traceback" in told:
            wrong.append(f"{file.name} damaged: it does not start, {told[-300:]}")
    else:
        others = [image for image in site.server.images if image not in file.as_posix()]
        cases = [f"/acsnet/cases/{image}" for image in others]
        for path in ("/acsnet/", "/acsnet/training", *cases):
            wrong += [f"{kind} damaged, {what}" for what in site.page(path)]
    if put_back:
        site.server.kill()
        file.write_bytes(content)
        site.start()
    return wrong


def log_cut_short(site: Site) -> list[str]:
    """The last line of the audit log, about a label, is cut in the middle: it is completed."""
    site.save()
    site.server.stop()
    log = site.server.state / "audit.jsonl"
    content = log.read_bytes()
    last = content[content[:-1].rfind(b"\n") + 1 :]
    if json.loads(last)["event"] == "save":
        log.write_bytes(content[: -len(last) // 2])
        site.cut_lines += 1
    site.start()
    return []


def model_changed(site: Site) -> list[str]:
    """Another model is made live, and the process ends before the log says so."""
    models = site.models
    if len(models.names()) == 1:
        with tempfile.TemporaryDirectory() as place:
            weights = Path(place) / "weights"
            shutil.copytree(SHIPPED, weights)
            manifest = weights / MANIFEST
            manifest.write_text(f"{manifest.read_text()} ")  # another digest, and so another name
            models.add(weights, {})
    if models.aliases().previous is None:
        live = models.promote(models.names()[-1]).live
    else:
        live = models.rollback().live
    address = f"{site.server.url}/infer/roi"
    answer = requests.post(
        address, params={"image": site.server.images[0], "output": "json"}, timeout=120
    )
    site.server.kill()
    site.start()
    served = answer.json().get("params", answer.json()).get("model_version")
    return [] if served == live else [f"{served} is served, and {live} is on record"]


def full_disk(site: Site) -> list[str]:
    """The disk fills up while readers save; then there is room again."""
    state = site.server.state
    usage = os.statvfs(state)
    room = site.chance.randrange(0, 200_000)
    ballast = state / "ballast"
    with ballast.open("wb") as stream, suppress(OSError):
        stream.write(b"\x00" * max(0, usage.f_bavail * usage.f_frsize - room))
    try:
        for _ in range(4):
            site.save()
    finally:
        ballast.unlink()
    site.server.stop()
    site.start()
    return []


def lost_answer(site: Site) -> list[str]:
    """A save whose answer does not arrive is repeated."""
    name, image = site.reader(), site.chance.choice(site.server.images)
    form = {"params": json.dumps({"user": name, "state": "reviewed"})}
    files = {"label": ("label.nii.gz", site.server.labels[image])}
    with suppress(requests.RequestException):
        requests.put(
            f"{site.server.url}/datastore/label",
            params={"image": image},
            data=form,
            files=files,
            timeout=(5, site.chance.uniform(0.01, 0.5)),
        )
    told = Told()
    site.server.save(image, name, told)
    site.told.versions |= told.versions
    return [] if told.versions else [f"a repeated save was refused: {told.errors}"]


def clients_that_go(site: Site) -> list[str]:
    """Fifty ask for an inference and go; the next reader waits for one scan at most."""
    host, port = "127.0.0.1", site.server.port
    before = site.inferences()
    for number in range(GOERS):
        with socket.create_connection((host, port)) as client:
            form = f"params=%7B%22client_id%22%3A%22goer-{number}%22%7D"
            client.sendall(
                f"POST /infer/acsnet?image={site.server.images[0]} HTTP/1.1\r\n"
                f"Host: {host}:{port}\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(form)}\r\n\r\n{form}".encode()
            )
    told = Told()
    site.server.infer(site.server.images[-1], site.reader(), told)
    site.told.inferences += told.inferences
    done = site.inferences() - before
    return [] if told.inferences and done <= 2 else [f"{done} scans were done, {told.errors}"]


def pacs(site: Site) -> list[str]:
    """A PACS hangs, cuts its answers or answers HTML: the list of before is there at once."""
    how = site.draw(("hang", "cut", "html"))
    with _pretend_pacs() as (url, behaviour), tempfile.TemporaryDirectory() as cache:
        settings = PacsSettings(url=url, cache_seconds=0.0)
        worklist = WorkList(DicomWeb(settings), settings, cache=Path(cache))
        worklist.entries()
        behaviour.append(how)
        worklist.entries()
        begun = time.monotonic()
        try:
            worklist.entries()
        except PacsError as error:
            return [f"PACS ({how}): {error}"]
        finally:
            taken = time.monotonic() - begun
            behaviour.clear()
            worklist.close()
    return [] if taken < 1.0 else [f"PACS ({how}): the list took {taken:.1f} s"]


@contextmanager
def _pretend_pacs() -> Iterator[tuple[str, list[str]]]:
    """A service without series, and a list of how it misbehaves."""
    behaviour: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            how = behaviour[-1] if behaviour else ""
            end = time.monotonic() + 20
            while how == "hang" and behaviour and time.monotonic() < end:
                time.sleep(0.05)
            content = b"<html>" if how == "html" else b"[]"
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if how == "html" else "application/json")
            self.send_header("Content-Length", str(len(content) + 100 * (how == "cut")))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    service = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{service.server_port}/dicom-web", behaviour
    finally:
        behaviour.clear()
        service.shutdown()


KINDS: dict[str, Callable[[Site], list[str]]] = {
    "kill": kill,
    "damage, made anew": damage_rebuilt,
    "damage, put back": damage_kept,
    "log cut short": log_cut_short,
    "model": model_changed,
    "full disk": full_disk,
    "lost answer": lost_answer,
    "clients that go": clients_that_go,
    "PACS": pacs,
}


def main() -> None:
    """Print each fault; exit code 1, and the seed, at the first broken rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--kinds", nargs="*", choices=sorted(KINDS), default=list(KINDS))
    options = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    logging.getLogger("acsnet").addHandler(logging.NullHandler())  # that files are damaged is known
    chance = random.Random(options.seed)  # noqa: S311 # no secret
    done, end = Counter(), time.monotonic() + 60 * options.minutes
    with folder() as place:
        site, kinds = Site(Path(place), chance), list(options.kinds)
        site.server.state.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(site.server.state)]
        small = subprocess.run(mount, check=False, capture_output=True).returncode == 0  # noqa: S603
        if not small and "full disk" in kinds:
            kinds.remove("full disk")
            console.print("no tmpfs can be mounted: no fault of a full disk is drawn")
        try:
            site.start()
            site.fill()
            while sum(done.values()) < options.faults and time.monotonic() < end:
                kind = site.draw(tuple(kinds))
                wrong = KINDS[kind](site) + site.check()
                done[kind] += 1
                if wrong:
                    console.print(
                        f"seed {options.seed}, fault {sum(done.values())}, {kind}: {wrong[:5]}"
                    )
                    raise SystemExit(1)
        finally:
            with suppress(ProcessLookupError):
                site.server.kill()
            if small:
                subprocess.run(["umount", str(site.server.state)], check=False)  # noqa: S603, S607
    told = f"{len(site.told.versions)} labels told"
    console.print(
        f"seed {options.seed}: {sum(done.values())} faults, no broken rule: {dict(done)}, {told}"
    )
    console.print(f"files damaged: {dict(site.damaged)}")


if __name__ == "__main__":
    main()
