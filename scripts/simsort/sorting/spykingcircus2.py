"""SpyKING CIRCUS 2, with the AIND pipeline's settings: no filter of its own, whitening stays on.

`deterministic_peaks_detection` is on: the default stops looking for peaks when each worker has found its share, which
makes the result depend on the number of workers.
"""

from simsort.sorting.sorter import Sorter, jobs_nested, seed_parameter, switch_parameter

SORTER = Sorter(
    name="spykingcircus2",
    spikeinterface_name="spykingcircus2",
    params=dict(apply_preprocessing=False, motion_correction=dict(preset="dredge_fast"),
                deterministic_peaks_detection=True,
                # "auto" would give other results where torch is installed; the key is the one the sorter reads.
                matching=dict(method="circus-omp", method_kwargs={}, matching_kwargs=dict(engine="numpy"),
                              pipeline_kwargs={})),
    set_motion=switch_parameter("apply_motion_correction"),
    set_seed=seed_parameter("seed"),
    set_jobs=jobs_nested,
    fresh_workers=True,
    install="install hdbscan and numba (pip install 'simsort[si]')",
)
