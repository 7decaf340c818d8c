"""`acsnet serve` for a small site: its trainings are those of small_run.py."""

from pathlib import Path

from acsnet.cli.main import main
from acsnet.server.learning import training_supervisor

PROGRAM = (str(Path(__file__).with_name("small_run.py")),)


class SmallTrainings(training_supervisor.Trainings):
    """Trainings of small networks, looked after every second."""

    def __init__(self, *args, **options):
        super().__init__(*args, program=PROGRAM, look_every_s=1.0, **options)


# Before the app is imported: MONAI Label reads its settings then, and the command makes them.
training_supervisor.Trainings = SmallTrainings
main()
