"""What the spikes of our sorter depend on: its code, whatever is said beside it, and its weights."""

import ast
import hashlib
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
# The sorter itself, and what it asks of each encoder; folders stand for all their files.
SORTER = ("sorting/own", "models/neighbourhoods.py", "models/whitening.py", "preprocessing/finite.py")
NETWORKS = ("models/encoder.py", "models/input_form.py", "models/model_folder.py", "models/trunk.py", "weights/default")
CEED = ("models/ceed.py", "models/ceed_folder.py", "models/ceed_form.py", "ceed/extract.py", "ceed/windows.py",
        "weights/ceed")
PUBLISHED = ("sorting/published.py", "sorting/own/evenly.py", "models/paper.py", "models/model_folder.py")
PARTS = {"simsort": SORTER + NETWORKS, "ceed": SORTER + CEED, "none": SORTER, "paper": PUBLISHED}


def own_hash(kind: str, model: Path | None = None) -> str:
    """Return a hash of the code and the weights behind a sorting of ours.

    Parameters
    ----------
    kind : str
        A key of `PARTS`.
    model : Path | None, default: None
        A folder of weights that are not the shipped ones.
    """
    digest = hashlib.sha256()
    files = [file for part in PARTS[kind] for file in files_of(PACKAGE / part)]
    for file in files:
        digest.update(str(file.relative_to(PACKAGE)).encode() + content(file))
    for file in files_of(model) if model else ():
        digest.update(content(file))
    return digest.hexdigest()[:12]


def files_of(place: Path) -> list[Path]:
    """Return the code and the weights at a place; cards, pictures and checkpoints are neither."""
    found = sorted(place.glob("*")) if place.is_dir() else [place]
    return [file for file in found if file.suffix in (".py", ".safetensors") or file.name == "model.json"]


def content(file: Path) -> bytes:
    """Return what counts of a file: of code all but comments and docstrings."""
    if file.suffix != ".py":
        return file.read_bytes()
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree).encode()
