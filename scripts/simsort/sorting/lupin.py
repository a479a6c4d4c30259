"""Lupin, SpikeInterface's sorter made of its best components.

Its band-pass filter and whitening stay on: the detection thresholds count in whitened units. Its own common reference,
only used from 32 channels on, has no effect after the pipeline's.
"""

from simsort.sorting.sorter import Sorter, cap_frequency, compile_isosplit, jobs_nested, seed_parameter, switch_parameter

SORTER = Sorter(
    name="lupin",
    spikeinterface_name="lupin",
    # The AIND pipeline's settings. The intermediate arrays are not kept: they need zarr and as much disk as the input.
    params=dict(apply_preprocessing=True, motion_correction_preset="dredge_fast", detect_threshold=5.0,
                n_peaks_per_channel=5000, clustering_recursive_depth=3, template_min_snr_ptp=4.0,
                template_matching_engine="circus-omp", min_firing_rate=0.1, save_array=False),
    set_motion=switch_parameter("apply_motion_correction"),
    set_seed=seed_parameter("seed"),
    set_jobs=jobs_nested,
    fresh_workers=True,
    warm_up=compile_isosplit,
    adapt=cap_frequency,
    needs_torch=True,
    install="install torch (pip install 'simsort[gpu]') or use the image named gpu",
)
