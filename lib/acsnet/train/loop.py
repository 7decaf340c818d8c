"""The training loop: resumable at every epoch, with its history in the run folder."""

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn
from torch import Tensor, nn

from acsnet.errors import AcsnetError
from acsnet.nets.architecture import AutoencoderConfig, ResUNetConfig
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_weights import random_network
from acsnet.storage import write_json, writing
from acsnet.train.checkpoint import Epoch, State
from acsnet.train.distributed import ALONE, Processes
from acsnet.train.losses import PrintedLoss, SeparateLoss, weighted_mean
from acsnet.train.progress import begin_step
from acsnet.train.run_record import CHECKPOINT, RECIPE, check_settings
from acsnet.train.samples.on_device import DeviceSamples, on_device
from acsnet.train.samples.slices import Samples

HISTORY = "history.csv"
BATCH_NORMS = (nn.BatchNorm2d, nn.SyncBatchNorm)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one network is trained.

    make_batch(images, tissue, generator) -> network input and target; neighbours: whether images
    hold the slices below and above as further channels; share: of each source in an epoch; weight:
    of each source in the loss, both in the order of `slices.SOURCES`; average_decay: of the
    exponential average of the weights, a step (`average_decay` below).
    """

    name: str
    net: ResUNetConfig | AutoencoderConfig
    loss: PrintedLoss | SeparateLoss
    make_batch: Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
    neighbours: bool = False
    share: tuple[float, ...] = (0.55, 0.37, 0.08)
    weight: tuple[float, ...] = (1.0, 0.5, 0.5)
    epochs: int = 24
    images_an_epoch: int = 2000
    batch: int = 16
    learning_rate: float = 1e-3
    average_decay: float = 0.995


@dataclass(frozen=True, kw_only=True)
class Start:
    """A network that training goes on from, instead of from random weights.

    sha256: of its weights file; keep_norms: the statistics of its batch norm stay as they are, for
    few scans of one site would move them away from all others.
    """

    network: ResUNet | Autoencoder
    sha256: str
    keep_norms: bool = True


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


def average_decay(recipe: Recipe, *, step: int, fresh: bool) -> float:
    """Share of the averaged weights that step `step`, from 0, leaves as it was.

    After a fresh start it rises to that of the recipe: random weights would otherwise be a fifth of
    the average after 300 steps.
    """
    return min(recipe.average_decay, (1 + step) / (10 + step)) if fresh else recipe.average_decay


def settings_of(recipe: Recipe, *, seed: int) -> dict[str, Any]:
    """All that a run is told, for `recipe.json`: it is gone on with under the same settings only.

    `make_batch` is code, and is known by the version of acsnet.
    """
    settings = {k: v for k, v in asdict(recipe).items() if k != "make_batch"}
    settings["loss"] |= {"kind": type(recipe.loss).__name__}
    return settings | {"seed": seed, "torch": torch.__version__, "average_begins": "short"}


def train(
    recipe: Recipe,
    samples: Samples,
    folder: Path,
    *,
    seed: int = 0,
    processes: Processes = ALONE,
    console: Console,
    on_epoch: Callable[[Sequence[Epoch]], None] = lambda history: None,
    on_step: Callable[[float], None] = lambda share: None,
    start: Start | None = None,
) -> ResUNet | Autoencoder:
    """Train to the last epoch of the recipe, or go on from the checkpoint in `folder`.

    Returns the exponential average of the weights. on_epoch is told the whole history after each
    epoch, and once at the start of a run that goes on; on_step is told after each batch the share
    of the epoch that is done. There is no early stopping: no other patient is looked at. Raises
    InputError where the checkpoint is of other settings, and AcsnetError when the loss is no longer
    a number; the last good epoch stays.
    """
    checkpoint = folder / CHECKPOINT
    settings = settings_of(recipe, seed=seed) | {"slices": len(samples.images)}
    if start is not None:
        settings |= {"start": start.sha256}
    check_settings(folder, settings)
    torch.manual_seed(seed)
    net = random_network(recipe.net).to(processes.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start is not None:
        net.load_state_dict(start.network.state_dict())
    state = State.start(net, learning_rate=recipe.learning_rate)
    if checkpoint.exists():
        state.restore(checkpoint)
        _report(state, folder, processes, on_epoch)
        console.print(f"{recipe.name}: going on after epoch {len(state.history)}")
    elif processes.first:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / RECIPE, settings)
    placed = on_device(samples, processes.device)
    joint = processes.joint(net)
    keep_norms = start is not None and start.keep_norms
    held = [m for m in joint.modules() if isinstance(m, BATCH_NORMS)] if keep_norms else []
    begin_step(f"{recipe.name}: {recipe.epochs} epochs", console=console)
    columns = (*Progress.get_default_columns()[:-1], TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        steps, done = math.ceil(recipe.images_an_epoch / recipe.batch), len(state.history)
        task = bar.add_task(recipe.name, total=steps * recipe.epochs, completed=steps * done)

        def advance() -> None:
            bar.advance(task)
            on_step((bar.tasks[0].completed % steps or steps) / steps)

        for epoch in range(done, recipe.epochs):
            began = perf_counter()
            joint.train()
            for norm in held:
                norm.eval()
            loss = _epoch(
                recipe,
                samples,
                placed,
                joint,
                state,
                epoch,
                seed,
                processes,
                advance,
                fresh=start is None,
            )
            last_rate = state.optimiser.param_groups[0]["lr"]
            state.history.append(Epoch(epoch + 1, loss, last_rate, perf_counter() - began))
            if processes.first:
                state.save(checkpoint)
            _report(state, folder, processes, on_epoch)
            console.print(f"{recipe.name}: epoch {epoch + 1}, mean loss {loss:.4f}")
    return state.average


def _report(
    state: State,
    folder: Path,
    processes: Processes,
    on_epoch: Callable[[Sequence[Epoch]], None],
) -> None:
    """Write the whole history: what the checkpoint holds, and nothing that it does not."""
    if not processes.first:
        return
    with writing(folder / HISTORY) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Epoch._fields)
        for row in state.history:
            numbers = f"{row.loss:.5f}", f"{row.learning_rate:.3e}", f"{row.seconds:.1f}"
            writer.writerow([row.epoch, *numbers])
    on_epoch(state.history)


def _epoch(
    recipe: Recipe,
    samples: Samples,
    placed: DeviceSamples,
    joint: nn.Module,
    state: State,
    epoch: int,
    seed: int,
    processes: Processes,
    advance: Callable[[], None],
    *,
    fresh: bool,
) -> float:
    """One pass; everything random follows from (seed, epoch), so a resumed run is the same run.

    All processes draw the same batches; what is random in a slice follows from the process, too.
    """
    own_seed = seed * 100_003 + epoch + (processes.rank << 48)
    generator = torch.Generator(processes.device).manual_seed(own_seed)
    torch.manual_seed(own_seed)
    order = draw(samples, recipe, np.random.default_rng((seed, epoch)))
    weights = torch.tensor(recipe.weight, device=processes.device)
    batches = np.array_split(order, math.ceil(len(order) / recipe.batch))
    # Cards before Ampere only imitate bfloat16, slowly.
    bfloat16 = not processes.on_gpu or torch.cuda.get_device_capability() >= (8, 0)
    kind = "cuda" if processes.on_gpu else "cpu"
    losses = []
    for step, batch in enumerate(batches):
        whole = processes.place(torch.from_numpy(batch))
        own = processes.place(torch.from_numpy(processes.share(batch)))
        images, tissue = placed.batch(own, neighbours=recipe.neighbours)
        inputs, target = recipe.make_batch(images, tissue, generator)
        for group in state.optimiser.param_groups:
            group["lr"] = rate(recipe, (epoch + step / len(batches)) / recipe.epochs)
        with torch.autocast(kind, torch.bfloat16, enabled=bfloat16):
            logits = joint(inputs.contiguous(memory_format=torch.channels_last))
        # Gradients are the mean of the processes', so this part is that of the whole batch.
        weight, own_weight = (weights[placed.source[index]] for index in (whole, own))
        part = weighted_mean(recipe.loss(logits.float(), target), own_weight)
        loss = part * (own_weight.sum() / weight.sum()) * processes.size
        state.optimiser.zero_grad()
        loss.backward()
        state.optimiser.step()
        past = epoch * len(batches) + step
        state.follow(average_decay(recipe, step=past, fresh=fresh))
        losses.append(loss.detach())
        advance()
    # Looked at once an epoch: before, a GPU would have to be waited for.
    mean = float(processes.total(torch.stack(losses).mean())) / processes.size
    if not math.isfinite(mean):
        msg = f"{recipe.name}: the loss of epoch {epoch + 1} is {mean}, training stopped"
        raise AcsnetError(msg)
    return mean
