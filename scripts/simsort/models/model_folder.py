"""The folder that trained networks are kept in: safetensors, model.json and a model card; never pickle."""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from simsort.errors import UserError
from simsort.models.input_form import InputForm
from simsort.models.model_card import model_card
from simsort.whole_files import write_json

FORMAT = 1
NETWORKS = ("detector", "encoder")
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib")


@dataclass(frozen=True, kw_only=True)
class Model:
    """Trained networks, ready for use.

    Parameters
    ----------
    detector, encoder : torch.nn.Module
        In evaluation mode.
    form : InputForm
        What they are to be given.
    note : dict
        The content of model.json.
    """

    detector: object
    encoder: object
    form: InputForm
    note: dict


def architectures() -> dict:
    """Return `{name: {network: (class, config class)}}`."""
    from simsort.models.detector import Detector, DetectorConfig
    from simsort.models.encoder import Encoder, EncoderConfig
    from simsort.models.paper import PaperDetector, PaperDetectorConfig, PaperEncoder, PaperEncoderConfig

    return {"channels": {"detector": (Detector, DetectorConfig), "encoder": (Encoder, EncoderConfig)},
            "paper": {"detector": (PaperDetector, PaperDetectorConfig), "encoder": (PaperEncoder, PaperEncoderConfig)}}


def save_model(folder, detector, encoder, form: InputForm, note: dict) -> None:
    """Write a model folder; files that are there are replaced.

    Parameters
    ----------
    folder : Path
    detector, encoder : torch.nn.Module
        Of `architectures()`, with their `config`.
    form : InputForm
    note : dict
        What else model.json says: training, data, scores.
    """
    from safetensors.torch import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    name = next(name for name, parts in architectures().items() if isinstance(detector, parts["detector"][0]))
    content = {"format": FORMAT, "architecture": name, "input": form.as_dict()}
    for network, module in (("detector", detector), ("encoder", encoder)):
        weights = {key: value.detach().to("cpu").contiguous() for key, value in module.state_dict().items()}
        save_file(weights, folder / f"{network}.safetensors")
        share(folder / f"{network}.safetensors")
        content[network] = dict(config=dataclasses.asdict(module.config),
                                n_parameters=sum(value.numel() for value in module.parameters()))
    write_note(folder, content | note)


def share(file: Path) -> None:
    """Give a file the mode that the user's umask gives others; safetensors lets only the owner read."""
    umask = os.umask(0)
    os.umask(umask)
    file.chmod(0o666 & ~umask)


def write_note(folder, note: dict) -> None:
    """Write model.json, with the checksums of the weights, and the card that is made of it."""
    files = [Path(folder) / f"{network}.safetensors" for network in (*NETWORKS, "head")]
    note = note | {"sha256": {file.name: checksum(file) for file in files if file.is_file()}}
    write_json(Path(folder) / "model.json", note)
    (Path(folder) / "MODEL_CARD.md").write_text(model_card(note))


def load_model(folder, device="cpu") -> Model:
    """Read a model folder.

    Parameters
    ----------
    folder : Path
    device : str, default: "cpu"

    Returns
    -------
    Model

    Raises
    ------
    UserError
        If it is no model folder, of another version, or its files are missing or damaged.
    """
    folder = Path(folder)
    note = read_note(folder)
    if str(note.get("architecture")).startswith(("ceed", "cell-types")):
        raise UserError(f"{folder} holds no detector ({note['architecture']})", "give a model folder with one")
    try:
        form = InputForm(**note["input"])
        parts = architectures()[note["architecture"]]
        modules = {network: parts[network][0](form, parts[network][1](**note[network]["config"]))
                   for network in NETWORKS}
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder / 'model.json'} is damaged ({type(error).__name__}: {error})",
                        "get the model folder again") from None
    for network, module in modules.items():
        name = f"{network}.safetensors"
        load_weights(module, folder / name, device, note.get("sha256", {}).get(name))
    return Model(form=form, note=note, **modules)


def read_note(folder) -> dict:
    """Return the content of a model folder's model.json, checked to be of this version."""
    folder = Path(folder)
    file = folder / "model.json"
    if folder.suffix in PICKLES or (folder.is_dir() and not file.is_file() and
                                    any(path.suffix in PICKLES for path in folder.iterdir())):
        raise UserError(f"{folder} holds a pickled model, which can run any code when it is read",
                        "give a model folder with model.json and .safetensors files")
    if not folder.is_dir():
        raise UserError(f"there is no model folder {folder}", "check the path")
    if not file.is_file():
        raise UserError(f"{file} is missing", "give a folder made by simsort pretrain")
    try:
        note = json.loads(file.read_text())
        version = note.get("format")
    except (ValueError, AttributeError) as error:
        raise UserError(f"{file} is damaged ({' '.join(str(error).split())})", "get the model folder again") from None
    if version != FORMAT:
        raise UserError(f"{file} is of format {version}, this version reads format {FORMAT}",
                        "use a model of this version, or the version of simsort that made it")
    return note


def checksum(file: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def load_weights(module, file: Path, device, sha256: str | None) -> None:
    """Check a network's weights, read them onto a device and make it ready for use."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not file.is_file():
        raise UserError(f"{file} is missing", "get the model folder again")
    if sha256 is not None and checksum(file) != sha256:
        raise UserError(f"{file} is damaged or was changed: it has not the checksum in model.json",
                        "get the model folder again")
    try:
        module.load_state_dict(load_file(file))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise UserError(f"{file} is damaged or of another network ({' '.join(str(error).split())[:200]})",
                        "get the model folder again") from None
    module.to(device).eval().requires_grad_(False)
