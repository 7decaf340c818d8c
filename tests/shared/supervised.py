"""A script that stands for the process of a training, and how to wait for what it does."""

import time

SCRIPT = """
import json, os, pathlib, signal, sys, time
folder, lock, log = map(pathlib.Path, sys.argv[1:])
todo = (folder.parent.parent / "todo").read_text().split()
path = folder / "status.json"
starts = json.loads(path.read_text())["starts"]
what = todo[min(starts, len(todo)) - 1]
state = "done" if what == "done" else "training"
content = {**json.loads(path.read_text()), "state": state, "epoch": 1, "epochs": 4}
(folder.parent.parent / "pid").write_text(str(os.getpid()))
path.with_suffix(".new").write_text(json.dumps(content))
path.with_suffix(".new").replace(path)
print("epoch 1", flush=True)
if what == "sleep":
    time.sleep(60)
if what == "die":
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(1 if what == "fail" else 0)
"""


def until(condition):
    end = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def state(trainings):
    return trainings.latest()[1].state


def looked(trainings, wanted):
    """Whether the run is in that state after another look."""
    trainings.look()
    return state(trainings) == wanted
