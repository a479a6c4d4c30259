"""From a recording and its sorting to a sorting analyzer with waveforms, locations and quality metrics."""


def load_analyzer(path, data_path=None):
    """Load a stored analyzer with its traces; see `simsort.postprocessing.stored_analyzer.load_analyzer`."""
    from simsort.postprocessing.stored_analyzer import load_analyzer as load

    return load(path, data_path)
