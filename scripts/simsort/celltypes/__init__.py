"""What kind of cell a unit is, from its mean waveform and its firing, learnt on simulated cells whose kind is known."""
