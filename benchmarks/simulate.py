"""Labels needed when scans are chosen, against random scans, on the EMIDEC train list."""

from pathlib import Path
from typing import Annotated

import typer

from acsnet.cli.common import err, out, refusal
from acsnet.errors import AcsnetError
from loop_simulation.report import statement, write_report
from loop_simulation.simulation import Plan, run_simulation

app = typer.Typer()


@app.command()
def simulate(
    data: Annotated[Path, typer.Option(help="Folder with emidec/ and splits.json.")],
    output: Annotated[Path, typer.Option(help="Run folder; an unfinished run continues.")],
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions.")] = 3,
    start: Annotated[int, typer.Option(min=1, help="Scans labelled at first, at random.")] = 4,
    step: Annotated[int, typer.Option(min=1, help="Scans labelled after each round.")] = 6,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of labelling.")] = 3,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each small network.")] = 30,
    filters: Annotated[int, typer.Option(min=1, help="Filter base of each small network.")] = 8,
) -> None:
    """Replay the EMIDEC train list: Dice against labels used, chosen by acsnet or at random."""
    plan = Plan(seeds=seeds, start=start, step=step, rounds=rounds, epochs=epochs, filters=filters)
    try:
        rounds_done = run_simulation(data, output, plan=plan, console=err)
    except (AcsnetError, OSError) as error:
        raise refusal(error) from None
    found = write_report(rounds_done, output, plan=plan)
    out.print(f"{statement(found)} -> {output}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    app()
