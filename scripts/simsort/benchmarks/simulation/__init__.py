"""`simsort bench simulation`: speed, precision and realism of the simulator, beside LFPy and MEArec."""
