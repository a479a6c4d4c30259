"""Fine-tuning of a model on one recording: by the spikes of its own safest units, and never to its loss."""
