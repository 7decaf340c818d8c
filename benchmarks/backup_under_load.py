"""Back up a server while clients save and segment, restore elsewhere, and compare."""

import argparse
import hashlib
import time
from pathlib import Path

from rich.console import Console

from acsnet.annotations import audit_log
from kill_under_load import faults, versions
from shared.load import Clients, Server, Told, folder


def restored(server: Server, name: str, place: Path) -> tuple[Path, float]:
    """The server's state, backed up and restored beside it; seconds the backup took."""
    file, state = place / f"{name}.tar.gz", place / name
    begun = time.monotonic()
    done = server.run("backup", "--studies", server.studies, "--output", file)
    seconds = time.monotonic() - begun
    if done.returncode == 0:
        done = server.run("restore", file, "--studies", server.studies, "--state", state)
    if done.returncode:
        raise SystemExit(done.stderr)
    return state, seconds


def told_of(state: Path) -> dict[str, object]:
    """All that a state folder tells: versions with their decisions, labels shown, audit log."""
    (store,) = (state / "studies").iterdir()
    return {
        "versions": {
            key: (one.image, one.author, one.state, one.sha256, one.features)
            for key, one in versions(state).items()
        },
        "shown": {
            str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(store.glob("labels/*/*"))
        },
        "audit": audit_log.read(state / "audit.jsonl"),
    }


def main() -> None:
    """Print what differs; exit code 1 where anything does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="of load before the backup")
    args = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    with folder() as name:
        place = Path(name)
        server = Server(place)
        server.start()
        try:
            clients = Clients(server, count=args.clients, name="load")
            time.sleep(args.seconds)
            before = Told(
                versions={
                    key: value for one in clients.told for key, value in one.versions.items()
                },
                inferences=[name for one in clients.told for name in one.inferences],
            )
            during, seconds = restored(server, "during", place)
            after = clients.stop()
            still, _ = restored(server, "still", place)
        finally:
            server.stop()
        found = [*after.errors, *faults(during, before), *faults(still, after)]
        there = versions(during)
        found += [
            f"an event without its label {event['version']}"
            for event in audit_log.read(during / "audit.jsonl")
            if event["event"] == "save" and event["version"] not in there
        ]
        one, other = told_of(server.state), told_of(still)
        found += [f"at rest, other {what} are restored" for what in one if one[what] != other[what]]
    console.print(
        f"{len(before.versions)} labels told before the backup of {seconds:.1f} s, "
        f"{len(there)} in it, {len(after.versions)} at the end; faults: {len(found)} {found[:3]}"
    )
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
