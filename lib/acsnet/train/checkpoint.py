"""State of a training at the end of an epoch, and the checkpoint from which it continues."""

import copy
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from acsnet.errors import InputError
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.resunet import ResUNet
from acsnet.storage import writing


class Epoch(NamedTuple):
    """One line of the history: epoch from 1, mean loss, last learning rate, wall time."""

    epoch: int
    loss: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class State:
    """A network in training, the exponential average of its weights, and what came before."""

    net: ResUNet | Autoencoder
    average: ResUNet | Autoencoder
    optimiser: torch.optim.Optimizer
    history: list[Epoch]

    @classmethod
    def start(cls, net: ResUNet | Autoencoder, *, learning_rate: float) -> "State":
        """Before the first epoch."""
        return cls(
            net=net,
            average=copy.deepcopy(net).eval(),
            optimiser=torch.optim.Adam(net.parameters(), lr=learning_rate),
            history=[],
        )

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """Move the averaged weights towards the present ones; batch-norm statistics are copied."""
        for average, weight in zip(self.average.parameters(), self.net.parameters(), strict=True):
            average.lerp_(weight, 1.0 - decay)
        for copied, statistic in zip(self.average.buffers(), self.net.buffers(), strict=True):
            copied.copy_(statistic)

    def save(self, path: Path) -> None:
        """Write the checkpoint, whole or not at all."""
        content = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "history": [tuple(row) for row in self.history],
        }
        with writing(path) as temporary, temporary.open("wb") as stream:
            torch.save(content, stream)

    def restore(self, path: Path) -> None:
        """Go back to a checkpoint. Raises InputError when it is damaged.

        And MemoryError, or that of torch, where there is too little for it.
        """
        file = path.read_bytes()
        try:
            content = _read(file, next(self.net.parameters()).device)
            self.net.load_state_dict(content["net"])
            self.average.load_state_dict(content["average"])
            self.optimiser.load_state_dict(content["optimiser"])
            self.history[:] = [Epoch(*row) for row in content["history"]]
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # what damage leads to depends on where it is
            msg = f"{path} is damaged or of another version: use another run folder"
            raise InputError(msg) from error


def _read(file: bytes, device: torch.device) -> dict[str, Any]:
    """The content of a checkpoint. Raises an error of any kind when it is damaged.

    torch is given the records in a new archive: it compares no checksums, and takes a record for a
    folder, without its values, by one bit of the old one.
    """
    intact = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(file)) as records, zipfile.ZipFile(intact, "w") as archive:
        for record in records.infolist():
            archive.writestr(record.filename, records.read(record))  # compares its checksum
    intact.seek(0)
    content: dict[str, Any] = torch.load(intact, map_location=device, weights_only=True)
    return content
