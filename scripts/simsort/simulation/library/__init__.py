"""Cells simulated once, to be placed many times: the field is linear in the membrane currents."""
