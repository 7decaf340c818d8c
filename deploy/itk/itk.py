"""Takes the place of ITK.

`monailabel.transform.writer` imports ITK to write files that this server writes in its own way, and
nothing else here calls it. Installed before MONAI Label this module saves 1.5 GB.
"""

from typing import NoReturn


def __getattr__(name: str) -> NoReturn:
    """Whatever of ITK is asked for is not there, and says so."""
    msg = f"itk.{name} is not here, this is a placeholder: pip install --force-reinstall itk"
    raise AttributeError(msg)
