"""Kilosort 4 (Pachitariu et al. 2024, Nature Methods 21:914), with the AIND pipeline's settings.

Its own high-pass filter, common reference and whitening stay on, as in that pipeline. It runs on a CUDA device where
torch can use one, else, many times slower, on the CPU.
"""

from simsort.preprocessing.chain import MIN_CHANNELS_FOR_REFERENCE
from simsort.sorting.sorter import Sorter, jobs_beside

DEFAULT_NT, DEFAULT_FS_HZ = 61, 30000.0  # waveforms of 2 ms
# Kilosort 4 makes one cluster of all spikes around a cluster centre as long as they are fewer than this.
MIN_SPIKES_TO_SPLIT, SHORT_S = 1000, 120.0


def set_motion(params: dict, on: bool) -> None:
    """Switch drift correction; SpikeInterface sets `nblocks` to 0 without it."""
    params["do_correction"] = on


def set_seed(params: dict, seed: int) -> None:
    """Seed the cluster centres; Kilosort wants at least 1, SpikeInterface seeds numpy and torch with 1 itself."""
    params["cluster_init_seed"] = seed + 1


def adapt(recording, params: dict) -> list[str]:
    """Choose the device and fit waveform length and neighbourhoods to the recording."""
    import torch

    warnings = []
    if params["torch_device"] == "auto":
        params["torch_device"] = "cuda" if torch.cuda.is_available() else "cpu"
        if params["torch_device"] == "cpu":
            warnings.append("Kilosort 4 ran on the CPU, which is many times slower: no usable CUDA device")
    n_channels, fs_hz = recording.get_num_channels(), recording.get_sampling_frequency()
    if params["nearest_chans"] > n_channels:
        warnings.append(f"nearest_chans lowered from {params['nearest_chans']} to the {n_channels} channels there are")
        params["nearest_chans"] = n_channels
    if params["whitening_range"] > n_channels:
        params["whitening_range"] = n_channels
    if n_channels < MIN_CHANNELS_FOR_REFERENCE and params["do_CAR"]:
        warnings.append(f"Kilosort's common reference is off for {n_channels} channels")
        params["do_CAR"] = False
    if recording.get_total_duration() < SHORT_S:
        warnings.append(f"Kilosort 4 splits neighbouring units only where it finds {MIN_SPIKES_TO_SPLIT} spikes or more: "
                        f"in {recording.get_total_duration():.0f} s some may stay merged")
    n_samples = int(round(DEFAULT_NT * fs_hz / DEFAULT_FS_HZ)) // 2 * 2 + 1  # Kilosort wants an odd number
    if params["nt"] == DEFAULT_NT and n_samples != DEFAULT_NT:
        warnings.append(f"nt set to {n_samples} samples: 2 ms at {fs_hz:g} Hz")
        params["nt"] = n_samples
    return warnings


SORTER = Sorter(
    name="kilosort4",
    spikeinterface_name="kilosort4",
    params=dict(batch_size=60000, nblocks=5, Th_universal=9, Th_learned=8, do_CAR=True),
    set_motion=set_motion,
    set_seed=set_seed,
    set_jobs=jobs_beside,
    adapt=adapt,
    needs_torch=True,
    uses_gpu=True,
    install="install kilosort and torch (pip install 'simsort[gpu]') or use the image named gpu",
)
