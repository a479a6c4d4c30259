"""`simsort bench metrics`: what unit metrics and the quality rule are worth against known spikes, and what they cost.

`cases` makes recordings with known spikes, `units` sorts them and has the pipeline's stages measure the units, `truth`
compares each unit with the true ones; `scores` has the statistics, `findings` applies them, `blocks` and `pictures`
show them. `scale` measures time and memory of the metrics alone.
"""
