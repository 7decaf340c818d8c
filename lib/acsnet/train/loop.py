"""The training loop: resumable at every epoch, with its history in the run folder."""

import copy
import csv
import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn
from torch import Tensor, nn

from acsnet.errors import AcsnetError, InputError
from acsnet.nets.autoencoder import Autoencoder, AutoencoderConfig
from acsnet.nets.resunet import ResUNet, ResUNetConfig
from acsnet.train.losses import PrintedLoss, SeparateLoss, weighted_mean
from acsnet.train.samples import Samples

EMA_DECAY = 0.995


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one network is trained.

    make_batch(images, tissue, generator) -> network input and target; share: of each source in an
    epoch; weight: of each source in the loss. Both are in the order of `samples.SOURCES`.
    """

    name: str
    net: ResUNetConfig | AutoencoderConfig
    loss: PrintedLoss | SeparateLoss
    make_batch: Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
    share: tuple[float, ...] = (0.55, 0.37, 0.08)
    weight: tuple[float, ...] = (1.0, 0.5, 0.5)
    epochs: int = 24
    images_an_epoch: int = 2000
    batch: int = 16
    learning_rate: float = 1e-3


def draw(samples: Samples, recipe: Recipe, rng: np.random.Generator) -> NDArray[np.int64]:
    """(images_an_epoch,) sample indices: each source has its share, whatever its size."""
    parts = []
    shares = np.array([s * (samples.source == i).any() for i, s in enumerate(recipe.share)])
    for source, share in enumerate(shares / shares.sum()):
        pool = np.flatnonzero(samples.source == source)
        if len(pool):
            parts.append(rng.choice(pool, round(share * recipe.images_an_epoch)))
    return rng.permutation(np.concatenate(parts))


def rate(recipe: Recipe, progress: float) -> float:
    """Learning rate: a short rise, then a cosine down to nothing at the end."""
    rise = min(1.0, progress * 30.0)
    return recipe.learning_rate * rise * 0.5 * (1.0 + math.cos(math.pi * progress))


def train(
    recipe: Recipe,
    samples: Samples,
    folder: Path,
    *,
    seed: int = 0,
    device: str = "cpu",
    console: Console,
) -> ResUNet | Autoencoder:
    """Train to the last epoch of the recipe, or go on from the checkpoint in `folder`.

    Returns the exponential average of the weights. There is no early stopping: no other patient
    is looked at. Raises InputError where the checkpoint is of other settings, and AcsnetError when
    the loss is no longer a number; the last good epoch stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    _keep_settings(recipe, samples, folder, seed=seed, resumed=checkpoint.exists())
    torch.manual_seed(seed)
    net = recipe.net.build().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(net).eval()
    optimiser = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate)
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["epoch"]
        console.print(f"{recipe.name}: going on after epoch {first} of {recipe.epochs}")
    columns = (*Progress.get_default_columns()[:-1], TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        steps = math.ceil(recipe.images_an_epoch / recipe.batch)
        task = bar.add_task(recipe.name, total=steps * recipe.epochs, completed=steps * first)
        for epoch in range(first, recipe.epochs):
            loss = _epoch(
                recipe, samples, net, average, optimiser, epoch, seed, lambda: bar.advance(task)
            )
            state = {
                "net": net.state_dict(),
                "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
                "epoch": epoch + 1,
            }
            temporary = checkpoint.with_suffix(".tmp")
            torch.save(state, temporary)
            os.replace(temporary, checkpoint)
            with (folder / "history.csv").open("a", newline="") as file:
                csv.writer(file).writerow([epoch + 1, f"{loss:.5f}"])
            console.print(f"{recipe.name}: epoch {epoch + 1}, mean loss {loss:.4f}")
    return average


def _keep_settings(
    recipe: Recipe, samples: Samples, folder: Path, *, seed: int, resumed: bool
) -> None:
    """Write `recipe.json`, or see that a run to be resumed has the same settings.

    Otherwise the weights would be of one recipe and their record of another.
    """
    settings = {k: v for k, v in asdict(recipe).items() if k != "make_batch"}
    settings["loss"] |= {"kind": type(recipe.loss).__name__}
    settings |= {"seed": seed, "torch": torch.__version__, "slices": len(samples.images)}
    text = json.dumps(settings, indent=2) + "\n"
    path = folder / "recipe.json"
    if resumed:
        before, now = json.loads(path.read_text()), json.loads(text)
        changed = [key for key in now if before.get(key) != now[key]]
        if changed:
            msg = f"{folder} holds a run with other settings ({', '.join(changed)}): use another"
            raise InputError(msg)
    path.write_text(text)


def _epoch(
    recipe: Recipe,
    samples: Samples,
    net: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
    epoch: int,
    seed: int,
    advance: Callable[[], None],
) -> float:
    """One pass; everything random follows from (seed, epoch), so a resumed run is the same run."""
    device = next(net.parameters()).device
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    torch.manual_seed(seed * 100_003 + epoch)
    order = draw(samples, recipe, np.random.default_rng((seed, epoch)))
    weights = torch.tensor(recipe.weight)
    batches = np.array_split(order, math.ceil(len(order) / recipe.batch))
    net.train()
    losses = []
    for step, batch in enumerate(batches):
        images = torch.from_numpy(samples.images[batch]).float()
        tissue = torch.from_numpy(samples.tissue[batch])
        inputs, target = recipe.make_batch(images, tissue, generator)
        for group in optimiser.param_groups:
            group["lr"] = rate(recipe, (epoch + step / len(batches)) / recipe.epochs)
        inputs = inputs.to(device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            logits = net(inputs)
        weight = weights[torch.from_numpy(samples.source[batch]).long()].to(device)
        loss = weighted_mean(recipe.loss(logits.float(), target.to(device)), weight)
        if not torch.isfinite(loss):
            msg = f"{recipe.name}: the loss of epoch {epoch + 1} is {loss.item()}, training stopped"
            raise AcsnetError(msg)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        _follow(average, net)
        losses.append(float(loss.detach()))
        advance()
    return float(np.mean(losses))


@torch.no_grad()
def _follow(average: nn.Module, net: nn.Module) -> None:
    """Move the averaged weights towards the present ones; batch-norm statistics are copied."""
    for kept, weight in zip(average.parameters(), net.parameters(), strict=True):
        kept.lerp_(weight, 1.0 - EMA_DECAY)
    for copied, statistic in zip(average.buffers(), net.buffers(), strict=True):
        copied.copy_(statistic)
