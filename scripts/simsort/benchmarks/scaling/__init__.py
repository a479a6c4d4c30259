"""`simsort bench scaling`: scores against the amount of simulated data and against the size of the networks."""
