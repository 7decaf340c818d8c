"""`acsnet serve` for a small site: its trainings are those of small_run.py."""

from pathlib import Path

from acsnet.cli import main
from acsnet.server import training

training.PROGRAM = (str(Path(__file__).with_name("small_run.py")),)
training.LOOK_EVERY_S = 1.0
main()
