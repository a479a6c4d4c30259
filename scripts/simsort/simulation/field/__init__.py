"""Potentials of membrane currents at the contacts of a probe."""
