"""Recordings of simulated cells: probes, placement, spike trains, noise, drift, electronics, files and training batches."""
