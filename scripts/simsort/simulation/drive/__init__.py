"""Input that makes a cell fire."""
