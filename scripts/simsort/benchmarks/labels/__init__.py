"""`simsort bench labels`: the models of automatic labels, fitted on and judged by simulated recordings."""
