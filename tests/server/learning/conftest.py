"""A server's trainings, on folders of their own; see supervised.py."""

import time

import pytest
from supervised import SCRIPT

from acsnet.fine_tuning.model_registry import Models
from acsnet.fine_tuning.training_request import Reviewed
from acsnet.server.learning.training_supervisor import Trainings
from acsnet.settings import Train


@pytest.fixture
def reviewed(tmp_path):
    """Four labels, reviewed a tenth of a second ago."""
    found = []
    for k in range(4):
        label = tmp_path / f"label{k}"
        label.write_text(f"label {k}")
        found.append(
            Reviewed(
                name=f"case{k}",
                patient=f"p{k}",
                image=tmp_path / "image",
                label=label,
                at=time.time() - 0.1,
            )
        )
    return found


@pytest.fixture
def site(tmp_path, reviewed):
    """Makes `Trainings`, servers one after another on the same folders."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    models = Models(tmp_path / "models")
    models.root.mkdir()
    made = []

    def make(*todo, look_every_s=10.0, **settings):
        (models.root / "todo").write_text(" ".join(todo))
        settings = Train(**{"after": 0, "threads": 1, "pause_s": 0.0, **settings})
        one = Trainings(
            models,
            lock=tmp_path / "lock",
            audit=tmp_path / "audit.jsonl",
            reviewed=lambda *, anew=False: make.anew.append(anew) or reviewed,
            settings=settings,
            program=(str(script),),
            look_every_s=look_every_s,
        )
        made.append(one)
        return one

    make.anew = []
    yield make
    for one in made:
        one.stop()
