"""Kill the server again and again under load: is anything lost that a client was told?"""

import argparse
import json
import random
import time
from pathlib import Path

from rich.console import Console

from acsnet.annotations import audit_log
from acsnet.annotations.label_versions import Version, VersionStore
from acsnet.errors import InputError
from shared.load import Clients, Server, Told, folder


def versions(state: Path) -> dict[str, Version]:
    """All versions in a state folder, by id."""
    (store,) = (state / "studies").iterdir()
    found = VersionStore(store / "versions").all()
    return {one.id: one for versions in found for one in versions}


def faults(state: Path, told: Told) -> list[str]:
    """What clients were told and is not so in a state folder."""
    there = versions(state)
    events = audit_log.read(state / "audit.jsonl")
    saved = {event.get("version") for event in events if event["event"] == "save"}
    segmented = {event["user"] for event in events if event["event"] == "infer" and event["done"]}
    found = []
    for version, image in told.versions.items():
        if version not in there:
            found.append(f"label {version} of {image} is gone")
        elif there[version].state != "reviewed":
            found.append(f"label {version} of {image} is not reviewed any more")
        else:
            try:
                there[version].verified()
            except (OSError, InputError) as error:
                found.append(str(error))
        if version not in saved:
            found.append(f"the audit line of label {version} is gone")
    found += [
        f"the audit line of inference {name} is gone"
        for name in told.inferences
        if name not in segmented
    ]
    return found


def repairs(server: Server) -> dict[str, int]:
    """What starts said that they repaired."""
    total: dict[str, int] = {}
    for line in server.log.read_text().splitlines():
        if line.startswith("{") and "repaired" in line:
            entry = json.loads(line)
            for what, count in entry.items():
                if isinstance(count, int):
                    total[what] = total.get(what, 0) + count
    return total


def main() -> None:
    """Print the figures; exit code 1 where anything is lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--longest", type=float, default=15.0, help="seconds of load before a kill")
    args = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    chance = random.Random(0)  # noqa: S311 # no secret
    all_told = Told()
    with folder() as place:
        server = Server(Path(place))
        for kill in range(1, args.kills + 1):
            started = server.start()
            clients = Clients(server, count=args.clients, name=f"kill-{kill}")
            time.sleep(chance.uniform(0.1, 1.0) * args.longest)
            server.kill()
            told = clients.stop()
            all_told.versions |= told.versions
            all_told.inferences += told.inferences
            console.print(
                f"kill {kill}: started in {started:.1f} s, {len(told.versions)} saves and "
                f"{len(told.inferences)} inferences were told"
            )
        server.start()
        server.stop()
        found = faults(server.state, all_told)
        repaired = repairs(server)
    console.print(
        f"{args.kills} kills, {len(all_told.versions)} labels and {len(all_told.inferences)} "
        f"inferences told; lost: {len(found)} {found[:3]}; repaired: {repaired}"
    )
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
