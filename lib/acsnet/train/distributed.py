"""Distributed training: the processes that `torchrun` started, their ranks and what they exchange.

Several processes train on the same batches as one: each takes its slice of every batch. Only the
first writes files. On the CPU they talk by gloo, on GPUs by NCCL, one GPU a process.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from acsnet.errors import AcsnetError, InputError
from acsnet.nets.torch_network import gpu_count

T = TypeVar("T")

WAIT = timedelta(hours=6)
"""The others wait so long while the first builds samples or fits the prior."""


@dataclass(frozen=True, kw_only=True)
class Processes:
    """This process among others.

    rank: its number of `size`, from 0; device: "cpu" or "cuda:<index>"; control: the group for what
    is no tensor of the device, once they are `joined`.
    """

    rank: int = 0
    size: int = 1
    device: str = "cpu"
    control: Any = None

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return self.device != "cpu"

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def share(self, batch: NDArray[np.int64]) -> NDArray[np.int64]:
        """This process's slice of a batch of samples. Raises InputError for one left with none."""
        if len(batch) < self.size:
            msg = f"{self.size} processes cannot share a batch of {len(batch)}: use fewer"
            raise InputError(msg)
        return np.array_split(batch, self.size)[self.rank]

    def from_first(self, work: Callable[[], T]) -> T:
        """What `work` returns in the first process, the only one that does it; all wait for it.

        All raise the AcsnetError or OSError that it raises there.
        """
        if self.size == 1:
            return work()
        box: list[Any] = [None, None]
        if self.first:
            try:
                box[0] = work()
            except (AcsnetError, OSError) as error:
                box[1] = error
        distributed.broadcast_object_list(box, src=0, group=self.control)
        if box[1] is not None:
            raise box[1]
        result: T = box[0]
        return result

    def joint(self, net: nn.Module) -> nn.Module:
        """The same network, whose gradients are the mean of all processes' when it is trained.

        On GPUs batch norm sees the whole batch; gloo cannot do that, so on CPUs it sees the slice,
        and its statistics are those of the first process.
        """
        if self.size == 1:
            return net
        if self.on_gpu:
            net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
            return DistributedDataParallel(net, device_ids=[torch.device(self.device)])
        return DistributedDataParallel(net)

    def total(self, value: Tensor) -> Tensor:
        """The sum of all processes' values."""
        if self.size > 1:
            distributed.all_reduce(value)
        return value

    def place(self, tensor: Tensor) -> Tensor:
        """The tensor on this process's device; a GPU fetches it while the next is made."""
        if self.on_gpu:
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)


ALONE = Processes()
"""One process on the CPU."""


def launched(device: str) -> Processes:
    """This process among those that `torchrun` launched, or alone; device: "cpu" or "cuda".

    They cannot talk yet. Raises InputError where there is no GPU, or fewer than processes here.
    """
    by_torchrun = "TORCHELASTIC_RUN_ID" in os.environ
    rank, local, size = (
        int(os.environ[name]) if by_torchrun else default
        for name, default in (("RANK", 0), ("LOCAL_RANK", 0), ("WORLD_SIZE", 1))
    )
    return Processes(rank=rank, size=size, device="cpu" if device == "cpu" else _own_gpu(local))


@contextmanager
def joined(processes: Processes) -> Iterator[Processes]:
    """The same processes, in talk with each other; the others are waited for.

    Fork no workers in here: they would inherit the locks of threads that they do not have.
    """
    if processes.on_gpu:
        torch.cuda.set_device(processes.device)
        torch.backends.cudnn.deterministic = True
    if processes.size == 1:
        yield processes
        return
    distributed.init_process_group("nccl" if processes.on_gpu else "gloo", timeout=WAIT)
    try:
        yield replace(processes, control=distributed.new_group(backend="gloo", timeout=WAIT))
    finally:
        distributed.destroy_process_group()


def _own_gpu(index: int) -> str:
    count = gpu_count()
    if index >= count:
        msg = f"process {index + 1} of this machine has no GPU, torch finds {count}: use fewer"
        raise InputError(msg)
    return f"cuda:{index}"
