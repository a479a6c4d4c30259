"""Labelling units by a rule over their metrics, and writing them in the forms other tools read."""
