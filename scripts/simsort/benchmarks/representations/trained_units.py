"""Spikes of the units that weights were trained on, which the training did not see."""

import hashlib
import json
import math

from simsort.benchmarks.representations.data import Recordings
from simsort.ceed.main import OF_SPIKES, TRAINED_SHARE, describe_data, split_spikes
from simsort.ceed.simulated import Conditions, simulate_spikes
from simsort.ceed.spikes import LabelledSpikes
from simsort.errors import UserError
from simsort.models.ceed_folder import CeedModel

CHECKED = ("units", "spikes", "recordings", "snr")  # of what model.json says of the data


def spikes_not_trained_on(model: CeedModel, data: Recordings) -> LabelledSpikes:
    """Simulate the recordings of a training once more, and leave out what it was trained on.

    Parameters
    ----------
    model : CeedModel
    data : Recordings
        Its cells, and where to keep the spikes.

    Returns
    -------
    LabelledSpikes
        At most a fifth of each unit's.

    Raises
    ------
    UserError
        If the weights were not trained on simulated recordings, or on others than these cells give.
    """
    wanted = model.note["data"]
    if wanted.get("source") != "simulated recordings":
        raise UserError("the weights were not trained on simulated recordings", "give --model others")
    settings = {name: model.note["training"][name] for name in OF_SPIKES}
    train, others = split_spikes(recordings_of(settings, model, data), settings["spikes_per_unit"])
    made = describe_data(train, None, ())
    differing = [name for name in CHECKED if made[name] != wanted[name]]
    if differing:
        raise UserError("these cells do not give the recordings that the weights were trained on ("
                        + "; ".join(f"{name}: {made[name]}, not {wanted[name]}" for name in differing) + ")",
                        "give --cells DIR of the training")
    return others


def recordings_of(settings: dict, model: CeedModel, data: Recordings) -> LabelledSpikes:
    """Return all spikes that a training with these settings cuts; kept by the settings."""
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    file = data.folder / f"trained_on_{key}.safetensors"
    if not file.is_file():
        data.folder.mkdir(parents=True, exist_ok=True)
        print("simsort bench: simulating what the weights were trained on", flush=True)
        simulate_spikes(data.cells, model.form, n_units=settings["n_units"],
                        spikes_per_unit=math.ceil(settings["spikes_per_unit"] / TRAINED_SHARE), seed=settings["seed"],
                        conditions=Conditions(probe=settings["probe"]), follow_spikes=settings["follow_spikes"]).save(file)
    return LabelledSpikes.load(file, model.form)
