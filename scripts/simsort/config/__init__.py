"""Every setting of the pipeline: one frozen dataclass per stage, and the roads that lead to it. Standard library only."""
