"""Writers of acquisition formats that nobody else's Python package writes."""
