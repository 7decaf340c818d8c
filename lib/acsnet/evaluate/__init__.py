"""How well label maps agree with an expert's: slice by slice, and in the volumes of patients."""

from acsnet.evaluate.tables import run_evaluation

__all__ = ["run_evaluation"]
