"""Seeds from words, so that what a cell or recording draws depends on its name and not on the order of the work."""

import hashlib


def seed_of(*words) -> list[int]:
    """Return four 32-bit integers for `numpy.random.default_rng` that depend on every word and on their order.

    Parameters
    ----------
    *words : str | int | float
        For instance a run's seed, a cell's name and the purpose.

    Returns
    -------
    seed : list of int, (4,)
        The first 128 bits of the SHA-256 of the words' representations.
    """
    digest = hashlib.sha256("\0".join(repr(word) for word in words).encode()).digest()
    return [int.from_bytes(digest[4 * part:4 * part + 4], "little") for part in range(4)]
