"""`acsnet serve` for a small site: its trainings are those of small_run.py."""

from functools import partial
from pathlib import Path

from acsnet.cli.main import main
from acsnet.server import app
from acsnet.server.learning.training_supervisor import Trainings

program = (str(Path(__file__).with_name("small_run.py")),)
app.Trainings = partial(Trainings, program=program, look_every_s=1.0)
main()
