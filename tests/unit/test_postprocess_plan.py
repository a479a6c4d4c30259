"""What is computed, what falls away with what, and which spikes and units are repeated."""

import numpy as np
import pytest

from simsort.config.parameters import resolve
from simsort.config.stages import EXTENSIONS, Postprocessing
from simsort.errors import UserError
from simsort.postprocessing.extensions import NEEDS, extension_parameters, plan_extensions

SETTINGS = resolve({})["postprocessing"]


def test_nothing_left_out_computes_all():
    names, left_out = plan_extensions([])
    assert names == [e for e in EXTENSIONS if e != "quality_metrics"] and left_out == {}
    assert set(names) == set(extension_parameters(SETTINGS))


def test_needs_are_spikeinterfaces():
    import spikeinterface.full  # noqa: F401  (registers the extensions)
    from spikeinterface.core.sortinganalyzer import get_extension_class

    for name in EXTENSIONS:
        required = get_extension_class(name).get_required_dependencies()
        assert all(any(need in NEEDS.get(name, ()) for need in dependency.split("|")) for dependency in required), name
    for name, needs in NEEDS.items():
        assert all(EXTENSIONS.index(need) < EXTENSIONS.index(name) for need in needs)


def test_dependents_fall_away_and_are_named():
    names, left_out = plan_extensions(["waveforms", "amplitude_scalings"])
    assert left_out == {"waveforms": "left out by --postprocessing.skip-extensions",
                        "amplitude_scalings": "left out by --postprocessing.skip-extensions",
                        "principal_components": "needs waveforms, which is left out",
                        "valid_unit_periods": "needs amplitude_scalings, which is left out"}
    assert "templates" in names


@pytest.mark.parametrize("setting, value", [("skip-extensions", "unit_place"), ("skip-metrics", "snrr")])
def test_unknown_names_are_refused(setting, value):
    with pytest.raises(UserError, match=value):
        resolve({"postprocessing_args": f"--{setting} '[\"{value}\"]'"})


@pytest.mark.parametrize("duration_s, expected", [(4.0, 0.4), (300.0, 30.0), (600.0, 60.0), (7200.0, 60.0)])
def test_presence_bin_is_the_smaller_of_60_s_and_a_tenth(duration_s, expected):
    from simsort.postprocessing.quality_metrics import presence_bin_s

    assert presence_bin_s(duration_s) == pytest.approx(expected)


def test_repeated_excess_and_empty(tmp_path):
    import spikeinterface.full as si

    from simsort.postprocessing.clean_sorting import remove_repeated_spikes

    recording = si.NumpyRecording([np.zeros((10_000, 4), dtype="int16")] * 2, 10_000.0)
    trains = {"good": np.array([100, 500, 900]), "double": np.array([100, 102, 800, 802]),
              "late": np.array([10_000, 20_000]), "silent": np.array([], dtype=int)}
    sorting = si.NumpySorting.from_unit_dict([trains, {**trains, "late": np.array([50, 10_001])}], 10_000.0)
    kept, outputs = remove_repeated_spikes(recording, sorting)
    assert kept.unit_ids.tolist() == ["good", "double", "late"]
    assert kept.get_unit_spike_train("double", 0).tolist() == [100, 800]
    assert kept.get_unit_spike_train("late", 0).tolist() == []
    assert kept.get_unit_spike_train("late", 1).tolist() == [50]
    assert outputs == {"n_units_in": 4, "removed_excess_spikes": 3, "removed_duplicate_spikes": 4,
                       "removed_empty_units": ["silent"], "removed_duplicate_units": []}


def test_settings_are_the_ancestors():
    settings = Postprocessing()
    assert (settings.sparsity_radius_um, settings.duplicate_threshold) == (100.0, 0.9)
    parameters = extension_parameters(SETTINGS)
    assert parameters["waveforms"] == dict(ms_before=2.0, ms_after=3.0)
    assert parameters["random_spikes"]["max_spikes_per_unit"] == 500
