"""Recordings of biophysical neurons, with the truth about every spike."""

import os

os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")  # NEURON otherwise looks for a display and complains
