"""Cell models: descriptions, built-in types and their building in NEURON."""
