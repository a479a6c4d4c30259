"""UnitRefine's classifiers, from the user's own disk: nothing is ever downloaded, and no type loaded without trust.

Jain et al. 2025, UnitRefine: a community toolbox for automated spike sorting curation, bioRxiv.
"""

import warnings
import zipfile
from pathlib import Path

from simsort.errors import UserError, one_line
from simsort.labelling.model_files import check_unitrefine

TITLE = "UnitRefine"
TRUSTED = ("numpy.dtype",)  # beyond what skops itself trusts: scikit-learn's estimators
NOISE = "noise"


def unitrefine_labels(analyzer, noise_model: str | None, sua_model: str | None,
                      trusted=()) -> tuple[list[str], list[float | None]]:
    """Label units by one or two UnitRefine models; what the first calls noise is not shown to the second.

    Parameters
    ----------
    analyzer : SortingAnalyzer
        With metrics.
    noise_model, sua_model : str | None
        Folder of the model that tells noise from neurons, and of that which tells single neurons from
        mixtures; one may be missing.
    trusted : sequence of str, default: ()
        Types that may be loaded, beyond scikit-learn's estimators.

    Returns
    -------
    labels : list of str
        noise, neural, sua or mua, as the models call them; empty where no model says anything.
    probabilities : list of float | None
        Of each label.

    Raises
    ------
    UserError
        If a model is not there, holds types that are not trusted, or asks for metrics that were not computed.
    """
    check_unitrefine({"unitrefine_noise": noise_model, "unitrefine_sua": sua_model})
    said = {unit: ("", None) for unit in analyzer.unit_ids.tolist()}
    for model in filter(None, (noise_model, sua_model)):
        asked = [unit for unit, (label, _) in said.items() if label != NOISE]
        if asked:
            said |= predict(analyzer, Path(model), asked, trusted)
    labels, probabilities = zip(*said.values())
    return list(labels), list(probabilities)


def predict(analyzer, model: Path, unit_ids: list, trusted) -> dict:
    """Apply one model; return {unit: (label, probability)}."""
    from spikeinterface.curation import model_based_label_units

    check_trust(model, trusted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            table = model_based_label_units(analyzer, unit_ids=unit_ids, model_folder=model,
                                            trusted=[*TRUSTED, *trusted], set_predictions_as_properties=False)
        except ValueError as error:  # the metrics it was trained with are not there
            raise UserError(f"the UnitRefine model {model} cannot label these units ({one_line(error)[:300]})",
                            "compute all metrics, or leave the model out") from None
    return {unit: (str(label), round(float(probability), 2))
            for unit, label, probability in zip(unit_ids, table["prediction"], table["probability"], strict=True)}


def check_trust(model: Path, trusted) -> None:
    """Refuse a model that holds types which could run code when they are loaded.

    Raises
    ------
    UserError
        Naming them.
    """
    try:
        from skops.io import get_untrusted_types
    except ImportError:
        raise UserError("UnitRefine's models need the package skops",
                        "pip install -c environment/constraints.txt skops") from None
    file = next(model.glob("*.skops"))
    try:
        odd = sorted(set(get_untrusted_types(file=file)) - {*TRUSTED, *trusted})
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise UserError(f"{file} is no .skops file that can be read ({one_line(error)[:200]})",
                        "copy it again") from None
    if odd:
        raise UserError(f"{file} holds types that could run code: {', '.join(odd)}",
                        f"if you trust its makers, add --curation.unitrefine-trusted {','.join(odd)}")
