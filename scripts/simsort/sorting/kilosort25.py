"""Kilosort 2.5 (Steinmetz et al. 2021, Science 372:eabf4588) through its compiled binary in the user's own image.

It is MATLAB code: nobody may give the image away, so each lab builds its own. Settings are the AIND pipeline's, which
are SpikeInterface's defaults. It takes no seed: its random numbers start from MATLAB's fixed default.
"""

from simsort.preprocessing.chain import MIN_CHANNELS_FOR_REFERENCE
from simsort.sorting.sorter import Sorter, jobs_beside, switch_parameter


def adapt(recording, params: dict) -> list[str]:
    """Switch the common reference off for tetrodes."""
    n_channels = recording.get_num_channels()
    if n_channels >= MIN_CHANNELS_FOR_REFERENCE or not params["car"]:
        return []
    params["car"] = False
    return [f"Kilosort's common reference is off for {n_channels} channels"]


SORTER = Sorter(
    name="kilosort25",
    spikeinterface_name="kilosort2_5",
    params=dict(delete_tmp_files=True, delete_recording_dat=True),
    set_motion=switch_parameter("do_correction"),
    set_seed=lambda params, seed: None,
    set_jobs=jobs_beside,
    adapt=adapt,
    uses_gpu=True,
    install="put an image that holds its compiled binary ks2_5_compiled at <container_dir>/kilosort25.sif "
            "(--container_dir) and run with containers, or set KILOSORT2_5_PATH where MATLAB is installed",
)
