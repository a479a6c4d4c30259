"""Ion channels of the built-in cells: NMODL files, and the same equations for NEURON's KSChan."""
