"""Recordings of simulated cells: probes, placement, spike trains, noise, drift, files, training batches."""
