"""`simsort bench representations`: the tables and figures of CEED's supplement, on simulated and hybrid recordings."""
