"""Recordings of biophysical neurons, with the truth about every spike."""
