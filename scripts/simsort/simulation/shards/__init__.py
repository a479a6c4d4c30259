"""Simulating many cells: the plan of who does what, the store of what is finished, and what it costs."""
