"""Recordings with known spikes, from other people's generators and real waveforms: one module per family."""
