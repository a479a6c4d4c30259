"""From a raw recording to the one the sorters read.

Order of the steps, as in the AIND pipeline: unsigned to signed, phase shift, high-pass or band-pass filter, bad channel
detection, removal of channels outside the brain, common median reference or destriping, removal of dead and noisy
channels, motion. The modules: `chain` (filters and references), `bad_channels`, `motion`, `finite` (NaN check),
`preprocess` (the whole).
"""
