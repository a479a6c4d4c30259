"""MountainSort 5 (Magland), scheme 2, with SpikeInterface's own settings; it has no motion correction.

Its filter and whitening stay on, as it expects whitened data.
"""

from simsort.sorting.sorter import Sorter, cap_frequency, jobs_beside, seed_parameter

SORTER = Sorter(
    name="mountainsort5",
    spikeinterface_name="mountainsort5",
    set_motion=None,
    set_seed=seed_parameter("whitening_seed"),
    set_jobs=jobs_beside,
    adapt=cap_frequency,
    install="install mountainsort5 (pip install 'simsort[si]')",
)
