"""The data of a curation page: one JSON mapping and named arrays, in two small files.

`data.json` holds what is text or small, and where each array lies in `data.bin.gz`: little-endian values one after
another, compressed with gzip, which browsers unpack by themselves. The same pack feeds the page, its one-file form and
Figurl.
"""

import dataclasses
import gzip
import json
from pathlib import Path

import numpy as np

from simsort.errors import UserError
from simsort.whole_files import write_whole

FORMAT = 1
DTYPES = ("uint8", "int16", "uint16", "int32", "uint32", "float32")


@dataclasses.dataclass
class Pack:
    """What a page shows of one recording.

    Attributes
    ----------
    facts : dict
        JSON only: recording, session, sorting (fingerprint), unit ids, metrics, verdicts, contacts.
    arrays : dict
        {name: np.ndarray} with one of the dtypes of `DTYPES`.
    """

    facts: dict
    arrays: dict

    @property
    def unit_ids(self) -> list:
        return self.facts["unit_ids"]

    def dumps(self) -> tuple[str, bytes]:
        """Return the JSON text and the compressed arrays."""
        places, parts, offset = {}, [], 0
        for name, array in self.arrays.items():
            array = np.ascontiguousarray(array)
            if str(array.dtype) not in DTYPES:
                raise TypeError(f"array {name} has dtype {array.dtype}")
            places[name] = {"dtype": str(array.dtype), "shape": list(array.shape), "offset": offset}
            data = array.astype(array.dtype.newbyteorder("<")).tobytes()
            data += b"\0" * (-len(data) % 4)  # typed arrays of a browser start at multiples of their item size
            parts.append(data)
            offset += len(data)
        text = json.dumps({"format": FORMAT, **self.facts, "arrays": places}, allow_nan=False, separators=(",", ":"))
        return text, gzip.compress(b"".join(parts), compresslevel=6, mtime=0)

    def write(self, folder: Path) -> None:
        """Write `data.json` and `data.bin.gz`."""
        text, data = self.dumps()
        write_whole(Path(folder) / "data.bin.gz", data)
        write_whole(Path(folder) / "data.json", text.encode())


def read_pack(folder: Path) -> Pack:
    """Read a pack back.

    Raises
    ------
    UserError
        If the folder holds none, or one of another version.
    """
    path = Path(folder) / "data.json"
    if not path.is_file():
        raise UserError(f"{path} is missing", "run the pipeline again to make the curation page")
    facts = json.loads(path.read_text())
    if facts.pop("format", None) != FORMAT:
        raise UserError(f"{path} was written by another version of simsort", "run the pipeline again")
    data = gzip.decompress((Path(folder) / "data.bin.gz").read_bytes())
    arrays = {}
    for name, place in facts.pop("arrays").items():
        count = int(np.prod(place["shape"]))
        arrays[name] = np.frombuffer(data, np.dtype(place["dtype"]).newbyteorder("<"), count,
                                     place["offset"]).reshape(place["shape"])
    return Pack(facts, arrays)
