"""Whether UnitRefine's models are where the settings say. Standard library only."""

from pathlib import Path

from simsort.errors import UserError

PICKLES = (".pkl", ".pickle", ".joblib")


def check_unitrefine(settings: dict, *, whole_paths: bool = False) -> None:
    """Check the models of the curation stage's settings.

    Parameters
    ----------
    settings : dict
        `unitrefine_noise` and `unitrefine_sua`, paths or None.
    whole_paths : bool, default: False
        Whether paths must be whole, as stages run in other folders.

    Raises
    ------
    UserError
        Unless each is a folder with one .skops file and model_info.json.
    """
    for name in ("unitrefine_noise", "unitrefine_sua"):
        path = settings[name]
        if not path:
            continue
        shown, folder = f"--curation.{name.replace('_', '-')} {path}", Path(path)
        if whole_paths and not folder.is_absolute():
            raise UserError(f"{shown} is not a whole path", f"write {folder.resolve()}")
        found = sorted(folder.glob("*.skops"))
        if not found and (folder.suffix in PICKLES or any(file.suffix in PICKLES for file in folder.glob("*"))):
            raise UserError(f"{shown} is a pickle, which runs code when it is read, and is never loaded",
                            "give the folder of the same model as .skops")
        if len(found) != 1:
            raise UserError(f"{shown} holds {len(found) or 'no'} .skops files",
                            "give the folder of one UnitRefine model; models are not downloaded")
        if not (folder / "model_info.json").is_file():
            raise UserError(f"{shown} has no model_info.json", "copy the whole folder of the model")
