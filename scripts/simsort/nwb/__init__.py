"""NWB files: one per session, block and recording, with all probes and their units."""
