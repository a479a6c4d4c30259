"""Our own figures come from processes of their own, on one thread, like the peers'.

python -m simsort.benchmarks.simulation.own_process MODULE.FUNCTION '{"setting": ...}' RESULT.json
"""

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from simsort.benchmarks.machine import OtherLoad, child_seconds
from simsort.benchmarks.simulation.environments import ONE_THREAD, last_words

PACKAGE = "simsort.benchmarks.simulation"
SCRIPTS = Path(__file__).resolve().parents[3]


def run_task(task: str, settings: dict, out: Path) -> dict:
    """Call a function of this package in a fresh process with one thread.

    Parameters
    ----------
    task : str
        `module.function`; the function takes the settings as keywords and returns what JSON can hold.
    settings : dict
        Keywords.
    out : Path
        The bench's output folder, for the log.

    Returns
    -------
    result : dict
        `value`, what the function returned; `cpu_s` and `wall_s` of the whole process with its children; `other_cores`,
        how many cores other work kept busy meanwhile.

    Raises
    ------
    RuntimeError
        If the process fails.
    """
    work = Path(out).absolute() / "work"
    work.mkdir(parents=True, exist_ok=True)
    result, log = work / f"{task}.json", work / f"{task}.log"
    result.unlink(missing_ok=True)
    environment = {**os.environ, **ONE_THREAD, "PYTHONWARNINGS": "ignore",
                   "PYTHONPATH": os.pathsep.join(filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")]))}
    command = [sys.executable, "-m", f"{PACKAGE}.own_process", task, json.dumps(settings), str(result)]
    cpu, wall = child_seconds(), time.perf_counter()
    with log.open("w") as file, OtherLoad() as other:
        status = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=file,
                                stderr=subprocess.STDOUT).returncode
    if status or not result.is_file():
        raise RuntimeError(f"{task} ended with exit status {status} ({last_words(log)})")
    return {"value": json.loads(result.read_text()), "cpu_s": child_seconds() - cpu,
            "wall_s": time.perf_counter() - wall, "other_cores": other.other_cores}


class CoreTime:
    """Context that measures the processor seconds of this process and of its children that ended: `cpu_s`, `wall_s`."""

    def __enter__(self):
        self._start = processor_seconds(), time.perf_counter()
        return self

    def __exit__(self, *exception):
        self.cpu_s, self.wall_s = processor_seconds() - self._start[0], time.perf_counter() - self._start[1]


def processor_seconds() -> float:
    """Return the processor seconds of this process and of its children that ended."""
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime + child_seconds()


def main(argv: list[str]) -> None:
    """Call the function and write what it returned."""
    module, function = argv[0].rsplit(".", 1)
    value = getattr(importlib.import_module(f"{PACKAGE}.{module}"), function)(**json.loads(argv[1]))
    Path(argv[2]).write_text(json.dumps(value))


if __name__ == "__main__":
    main(sys.argv[1:])
