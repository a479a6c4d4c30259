"""The spike sorters, one module of one shape each, all run through SpikeInterface.

`sorter` says what a sorter module holds, `registry` lists them, `sort` runs one on a preprocessed recording. A new sorter
is a module with a `SORTER` and a line in `registry`.
"""
