"""Several GPUs or machines: what torchrun says about this process."""

import os
from dataclasses import dataclass
from datetime import timedelta

import torch

LONGEST_WAIT = timedelta(hours=6)  # the others wait while the first one simulates, validates or writes


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """This process among those that train together.

    Parameters
    ----------
    rank, n_ranks, local_rank : int, default: 0, 1 and 0
    """

    rank: int = 0
    n_ranks: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and lines."""
        return self.rank == 0

    def wrap(self, nets: torch.nn.Module) -> torch.nn.Module:
        """Return networks whose gradients are those of all processes' data."""
        if self.n_ranks == 1:
            return nets
        return torch.nn.parallel.DistributedDataParallel(nets)

    def of_first(self, number: float) -> float:
        """Return the first process's number in all of them."""
        if self.n_ranks == 1:
            return number
        shared = self.shared(number)
        torch.distributed.broadcast(shared, src=0)
        return float(shared[0])

    def of_any(self, flag: bool) -> bool:
        """Tell all processes whether a flag is up in one of them."""
        if self.n_ranks == 1:
            return flag
        shared = self.shared(float(flag))
        torch.distributed.all_reduce(shared, torch.distributed.ReduceOp.MAX)
        return bool(shared[0])

    @staticmethod
    def shared(number: float) -> torch.Tensor:
        """Return a number where the processes can hand it on."""
        device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
        return torch.tensor([number], dtype=torch.float64, device=device)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.n_ranks > 1:
            torch.distributed.barrier()

    def close(self) -> None:
        """Leave the group."""
        if self.n_ranks > 1:
            torch.distributed.destroy_process_group()


def join(device: torch.device) -> Ranks:
    """Join the other processes if torchrun started this one."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Ranks()
    ranks = Ranks(rank=int(os.environ["RANK"]), n_ranks=int(os.environ["WORLD_SIZE"]),
                  local_rank=int(os.environ["LOCAL_RANK"]))
    if device.type == "cuda":
        torch.cuda.set_device(ranks.local_rank)
    torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=LONGEST_WAIT)
    return ranks


def choose_precision(name: str, device: torch.device) -> str:
    """Return the precision of a name; `auto` is bf16 on a GPU, fp32 elsewhere."""
    if name != "auto":
        return name
    return "bf16" if device.type == "cuda" else "fp32"


def choose_device(name: str) -> torch.device:
    """Return the device of a name; `auto` is a GPU where there is one, under torchrun each process its own."""
    from simsort.errors import UserError

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"--device was given {name!r}", "allowed: auto, cpu, cuda, cuda:1, ...") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"--device was given {name}, and torch finds no GPU", "use --device cpu, or check nvidia-smi")
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return device
