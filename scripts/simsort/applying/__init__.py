"""The way back: a curation becomes part of the results, as a new version beside the old ones."""
