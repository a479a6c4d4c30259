"""The log of a training: `log.jsonl`, TensorBoard's files, and a line now and then with the time it will end."""

import datetime
import json
import math
import time
from pathlib import Path

import torch

from simsort.whole_files import write_whole

LINE_EVERY_S = 30
FLUSH_STEPS = 10
N_RECENT = 50  # steps that the expected end rests on


class Log:
    """Writes what every step gives.

    Parameters
    ----------
    folder : Path
    first_step : int
        Step gone on from; what an interrupted run wrote beyond is dropped.
    n_steps : int
    """

    def __init__(self, folder: Path, first_step: int, n_steps: int):
        self.path, self.n_steps = Path(folder) / "log.jsonl", n_steps
        self.waiting: list[tuple[int, dict]] = []
        kept = [line for line in read_log(self.path) if line["step"] <= first_step]
        write_whole(self.path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        self.board = board_at(Path(folder) / "tensorboard", first_step)
        self.times, self.shown, self.left_s = [time.perf_counter()], -math.inf, math.inf

    def step(self, step: int, parts: dict, left_s: float = math.inf) -> None:
        """Take the parts (tensors or numbers) of a step; they are read off the device a few steps at a time.

        After `left_s` seconds the training ends in any case.
        """
        self.left_s = left_s
        self.waiting.append((step, parts))
        self.times = (self.times + [time.perf_counter()])[-N_RECENT:]
        if len(self.waiting) >= FLUSH_STEPS:
            self.flush()

    def flush(self) -> None:
        """Write the steps that wait."""
        with open(self.path, "a") as file:
            for step, parts in self.waiting:
                numbers = {name: round(float(value), 6) for name, value in parts.items()}
                file.write(json.dumps({"step": step, **numbers}) + "\n")
                self.write_board("train", numbers, step)
        if self.waiting and time.perf_counter() - self.shown > LINE_EVERY_S:
            self.show(step, numbers["loss"])
        self.waiting = []

    def validation(self, step: int, scores: dict) -> None:
        """Write scores on held-out data."""
        self.flush()
        with open(self.path, "a") as file:
            file.write(json.dumps({"step": step, "validation": {k: round(v, 6) for k, v in scores.items()}}) + "\n")
        self.write_board("validation", scores, step)
        print(f"simsort pretrain: step {step}: " + ", ".join(f"{k} {v:.3f}" for k, v in scores.items()), flush=True)

    def write_board(self, kind: str, numbers: dict, step: int) -> None:
        """Write numbers for TensorBoard."""
        for name, value in numbers.items() if self.board else ():
            self.board.add_scalar(f"{kind}/{name}", value, step)

    def show(self, step: int, loss: float) -> None:
        """Print a line of progress."""
        self.shown = time.perf_counter()
        step_s = (self.times[-1] - self.times[0]) / max(len(self.times) - 1, 1)
        end = datetime.datetime.now() + datetime.timedelta(seconds=min(step_s * (self.n_steps - step), self.left_s))
        print(f"simsort pretrain: step {step} of {self.n_steps}, loss {loss:.3f}, {step_s:.2f} s a step, "
              f"ends about {end:%Y-%m-%d %H:%M}", flush=True)

    def close(self) -> None:
        """Write what waits and close the files."""
        self.flush()
        if self.board:
            self.board.close()


def board_at(folder: Path, first_step: int):
    """Return TensorBoard's writer, None where the package is missing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=first_step + 1)


def read_log(path: Path) -> list[dict]:
    """Return the lines of a log; a last line that a kill cut short is left out."""
    lines = []
    for line in Path(path).read_text().splitlines() if Path(path).is_file() else ():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return lines


def seeded_generator(device: torch.device, *numbers: int) -> torch.Generator:
    """Return a generator on a device, of its own for any numbers."""
    import numpy as np

    state = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
    return torch.Generator(device=device).manual_seed(state)
