"""`acsnet serve` for a small site: its trainings are those of small_run.py."""

from pathlib import Path

from acsnet.cli.main import main
from acsnet.server.learning import training_supervisor

training_supervisor.PROGRAM = (str(Path(__file__).with_name("small_run.py")),)
training_supervisor.LOOK_EVERY_S = 1.0
main()
