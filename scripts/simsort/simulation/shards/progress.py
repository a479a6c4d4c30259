"""Progress on standard error: a bar with an end time on a terminal, a line now and then elsewhere."""

import datetime
import sys
import time

SECONDS_BETWEEN_LINES = 20.0


class Progress:
    """Counts finished pieces of work.

    Parameters
    ----------
    label : str
        What is counted, such as `cells`.
    total : float
        All there is to do.
    """

    def __init__(self, label: str, total: float):
        self.label, self.total, self.done = label, total, 0.0
        self.started = self.last_line = time.monotonic()
        self.bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, desc=label, file=sys.stderr, bar_format=(
                "{desc} {percentage:3.0f}%|{bar}| {n:.3g}/{total:.3g}, {remaining} left{postfix}"))

    def add(self, amount: float = 1.0, note: str = "") -> None:
        """Count work that is finished."""
        self.done += amount
        if self.bar is not None:
            self.bar.set_postfix_str(f"ends {self.end_time()}  {note}", refresh=False)
            self.bar.update(amount)
        elif time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES or self.done >= self.total:
            self.last_line = time.monotonic()
            print(f"simsort: {self.label} {self.done:.4g} of {self.total:.4g}"
                  + (f", ends about {self.end_time()}" if self.done < self.total else
                     f", {self.last_line - self.started:.0f} s"), file=sys.stderr, flush=True)

    def end_time(self) -> str:
        """Return when it will be finished at the speed so far, as a time of the day, with the date if it is another."""
        left_s = (time.monotonic() - self.started) / max(self.done, 1e-9) * (self.total - self.done)
        now = datetime.datetime.now()
        end = now + datetime.timedelta(seconds=left_s)
        return f"{end:%H:%M:%S}" if end.date() == now.date() else f"{end:%Y-%m-%d %H:%M}"

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()
