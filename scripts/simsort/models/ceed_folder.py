"""The folder of one CEED encoder: encoder.safetensors, model.json and a model card."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from simsort.errors import UserError
from simsort.models.ceed import MlpConfig, MlpEncoder, ScamConfig, ScamEncoder
from simsort.models.ceed_form import CeedForm
from simsort.models.model_folder import FORMAT, load_weights, read_note, share, write_note
from simsort.models.shipped import CEED_FOLDER

ENCODERS = {"ceed-mlp": (MlpEncoder, MlpConfig), "ceed-scam": (ScamEncoder, ScamConfig)}


@dataclass(frozen=True, kw_only=True)
class CeedModel:
    """A trained encoder.

    Parameters
    ----------
    encoder : MlpEncoder | ScamEncoder
        In evaluation mode.
    form : CeedForm
    note : dict
        The content of model.json.
    """

    encoder: object
    form: CeedForm
    note: dict


def save_ceed(folder, encoder, note: dict) -> None:
    """Write a model folder; files that are there are replaced.

    Parameters
    ----------
    folder : Path
    encoder : MlpEncoder | ScamEncoder
    note : dict
        What else model.json says: training, data, scores.
    """
    from safetensors.torch import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.detach().to("cpu").contiguous() for key, value in encoder.state_dict().items()}
    save_file(weights, folder / "encoder.safetensors")
    share(folder / "encoder.safetensors")
    name = next(name for name, (kind, _) in ENCODERS.items() if isinstance(encoder, kind))
    content = {"format": FORMAT, "architecture": name, "input": encoder.form.as_dict(), "encoder": dict(
        config=dataclasses.asdict(encoder.config), n_parameters=sum(one.numel() for one in encoder.parameters()))}
    write_note(folder, content | note)


def load_ceed(folder=None, device="cpu") -> CeedModel:
    """Read a model folder; None: the shipped one.

    Raises
    ------
    UserError
        If it is no folder of a CEED encoder, of another version, or its files are missing or damaged.
    """
    folder = Path(folder or CEED_FOLDER)
    note = read_note(folder)
    if note.get("architecture") not in ENCODERS:
        raise UserError(f"{folder} holds a model of architecture {note.get('architecture')!r}, not a CEED encoder",
                        "give a folder made by simsort pretrain --method ceed")
    kind, config = ENCODERS[note["architecture"]]
    try:
        form = CeedForm(**note["input"])
        encoder = kind(form, config(**note["encoder"]["config"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder / 'model.json'} is damaged ({type(error).__name__}: {error})",
                        "get the model folder again") from None
    load_weights(encoder, folder / "encoder.safetensors", device, note.get("sha256", {}).get("encoder.safetensors"))
    return CeedModel(encoder=encoder, form=form, note=note)
