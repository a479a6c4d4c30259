"""The project's own sorter: a mixture of drifting clusters in units of the noise, and matching pursuit."""
