"""`simsort evaluate`: sortings scored against known spikes, all by one protocol.

`protocol` compares and counts; `datasets` knows published recordings and their units; `agreement` says what can be said
where no truth is known.
"""
