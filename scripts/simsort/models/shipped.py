"""The model that is used where none is named: trained weights that are part of the package."""

from pathlib import Path

import simsort
from simsort.errors import UserError

SHIPPED = "shipped"
FOLDER = Path(simsort.__file__).parent / "weights" / "default"
CEED_FOLDER = FOLDER.with_name("ceed")


def find_model(name_or_folder: str | Path | None = SHIPPED, encoder: str = "simsort") -> Path:
    """Return the model folder that a user means.

    Parameters
    ----------
    name_or_folder : str | Path | None, default: "shipped"
        `shipped`, also None: the package's own; else a folder made by `simsort pretrain` or `simsort finetune`.
    encoder : str, default: "simsort"
        `ceed`: the package's own is CEED's encoder.

    Returns
    -------
    folder : Path
        Of this version's format; `simsort.models.model_folder.load_model` reads it.

    Raises
    ------
    UserError
        If it is no model folder, is pickled, damaged or of another version, or this copy of the package has no weights.
    """
    from simsort.models.model_folder import read_note

    if name_or_folder is None or str(name_or_folder) == SHIPPED:
        folder = CEED_FOLDER if encoder == "ceed" else FOLDER
        if not (folder / "model.json").is_file():
            raise UserError("this copy of simsort has no weights of its own",
                            "train a model with simsort pretrain, and give its folder with --model")
        return folder
    folder = Path(name_or_folder).resolve()
    read_note(folder)
    return folder
