"""Results in the forms of other tools, and a run done again from its own record."""
