"""Tridesclous 2, with SpikeInterface's own settings; its band-pass filter and whitening stay on."""

from simsort.sorting.sorter import Sorter, cap_frequency, compile_isosplit, jobs_nested, seed_parameter, switch_parameter

SORTER = Sorter(
    name="tridesclous2",
    spikeinterface_name="tridesclous2",
    params=dict(motion_correction_preset="dredge_fast", save_array=False),
    set_motion=switch_parameter("apply_motion_correction"),
    set_seed=seed_parameter("seed"),
    set_jobs=jobs_nested,
    fresh_workers=True,
    warm_up=compile_isosplit,
    adapt=cap_frequency,
    install="install hdbscan and numba (pip install 'simsort[si]')",
)
