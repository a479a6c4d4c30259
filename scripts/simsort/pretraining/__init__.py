"""Training of the detector and encoder on simulated recordings, made while training runs."""
