"""Automatic labels beside the quality rule, and pairs of units that may be one neuron; each with its reasons."""
