"""Spike sorting for the lab: a pipeline of Slurm jobs around SpikeInterface."""

__version__ = "0.1.0"
