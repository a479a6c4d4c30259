"""`simsort bench`: what the pipeline costs in time, memory and disk.

`pipeline` runs the parts; `workflow` runs spike_sort.slm and `overhead` does the arithmetic on its trace;
`stage_memory` runs preprocessing and postprocessing on a `generated` recording under the eyes of `memory`; `disk`
counts bytes; `machine` and `tables` make the figures readable.
"""
