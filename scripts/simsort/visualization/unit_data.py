"""What is known of each unit, gathered once for all pictures."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from simsort.collecting.status import label_of


@dataclasses.dataclass
class Units:
    """Units of a recording with what was computed for them.

    Attributes
    ----------
    analyzer : SortingAnalyzer
        With the extensions that were computed; any may be missing.
    metrics : pandas.DataFrame
        Quality and template metrics, one row per unit, maybe without columns.
    labels : dict
        {unit id: pass | fail | unknown | none}; none without curation.
    reasons : dict
        {unit id: list of str} why a unit fails or is unknown.
    locations_um : np.ndarray | None, shape (n_units, 2)
        x and y on the probe.
    """

    analyzer: object
    metrics: object
    labels: dict
    reasons: dict
    locations_um: np.ndarray | None

    @property
    def ids(self):
        return self.analyzer.unit_ids

    def data(self, extension: str):
        """Return an extension's data, or None if it was not computed."""
        return self.analyzer.get_extension(extension).get_data() if self.analyzer.has_extension(extension) else None

    def by_depth(self) -> np.ndarray:
        """Return unit indices from deep to shallow, in their own order without locations."""
        if self.locations_um is None:
            return np.arange(len(self.ids))
        return np.argsort(self.locations_um[:, 1], kind="stable")

    def rates_hz(self) -> np.ndarray:
        """Return the mean firing rate of each unit over all segments, shape (n_units,)."""
        counts = self.analyzer.sorting.count_num_spikes_per_unit(outputs="array")
        return counts / self.analyzer.get_total_duration()


def load_units(postprocessed: Path | None, curated: Path | None) -> Units | None:
    """Load the analyzer and the curation's verdicts; None if there is no analyzer or it has no units.

    Parameters
    ----------
    postprocessed, curated : Path | None
        Output folders of these stages.
    """
    folder = postprocessed and Path(postprocessed) / "analyzer.zarr"
    if not folder or not folder.is_dir():
        return None
    from spikeinterface import load_sorting_analyzer

    analyzer = load_sorting_analyzer(folder)
    if len(analyzer.unit_ids) == 0:
        return None
    labels, reasons = read_verdicts(curated, analyzer.unit_ids)
    locations = None
    if analyzer.has_extension("unit_locations"):
        locations = np.asarray(analyzer.get_extension("unit_locations").get_data())[:, :2]
    return Units(analyzer, metrics_table(analyzer), labels, reasons, locations)


def metrics_table(analyzer):
    """Join quality and template metrics into one table, one row per unit."""
    import pandas as pd

    tables = [analyzer.get_extension(name).get_data() for name in ("quality_metrics", "template_metrics")
              if analyzer.has_extension(name)]
    joined = pd.concat([pd.DataFrame(index=analyzer.unit_ids), *tables], axis=1)
    # plain floats: columns SpikeInterface does not know (unit_drift) come back nullable, with NA for what is unknown
    return joined.loc[:, ~joined.columns.duplicated()].astype("float64")


def read_cell_types(curated: Path | None, unit_ids) -> list | None:
    """Read from curation's record each unit's kind of cell and its probability, as [text, number or None] or None."""
    path = curated and Path(curated) / "record.json"
    if not path or not path.is_file():
        return None
    units = {str(unit["unit_id"]): unit for unit in json.loads(path.read_text())["outputs"].get("units", [])}
    found = [units.get(str(unit_id), {}) for unit_id in unit_ids]
    if not any("cell_type" in unit for unit in found):
        return None
    return [[unit.get("cell_type", ""), unit.get("cell_type_probability")] for unit in found]


def read_verdicts(curated: Path | None, unit_ids) -> tuple[dict, dict]:
    """Read from curation's record each unit's default_qc and the reasons for it."""
    labels, reasons = {unit: "none" for unit in unit_ids}, {unit: [] for unit in unit_ids}
    path = curated and Path(curated) / "record.json"
    if not path or not path.is_file():
        return labels, reasons
    own_ids = {str(unit): unit for unit in unit_ids}
    for unit in json.loads(path.read_text())["outputs"].get("units", []):
        unit_id = own_ids.get(str(unit["unit_id"]))
        if unit_id is not None:
            labels[unit_id] = label_of(unit)
            reasons[unit_id] = [*unit.get("reasons", []), *(f"{m} unknown" for m in unit.get("unknown", []))]
    return labels, reasons
