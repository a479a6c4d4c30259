"""Membrane currents of a simulated cell."""
