"""The networks, how traces are brought into the form they expect, and the folder that weights are kept in."""
