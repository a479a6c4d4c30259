"""The configuration: every road, its errors, its precedence, and fuzzing of all of it."""

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from simsort.config.options import convert, lookup
from simsort.config.parameters import nest_command_line, parameter_table, parse_tokens, read_params_file, resolve
from simsort.config.sorter_params import OWN, SPIKEINTERFACE_NAMES, sorter_table
from simsort.config.stages import FAST, MOTION_PRESETS, SORTERS, STAGES
from simsort.errors import UserError


def from_command_line(text):
    """Resolve a command line as the shell hands it over."""
    return resolve(nest_command_line(shlex.split(text)))


# the workshop's examples


def test_the_workshops_command():
    resolved = from_command_line('--n_jobs 4 --sorter kilosort4 --runmode fast --job_dispatch_args "--input spikeglx" '
                                 '--preprocessing_args "--denoising cmr"')
    assert resolved["globals"]["n_jobs"] == 4 and resolved["globals"]["sorter"] == "kilosort4"
    assert resolved["job_dispatch"]["input"] == "spikeglx" and resolved["preprocessing"]["denoising"] == "cmr"
    assert resolved["preprocessing"]["motion"] == "skip"
    assert any("fast leaves out" in notice for notice in resolved["notices"])


@pytest.mark.parametrize("text", [
    '--spikesort_args "--skip-motion-correction True "', '--spikesort_args "--skip-motion-correction"',
    "--spikesort_args=--skip-motion-correction", '--spikesorting_args "--skip-motion-correction True"',
    "--spikesort.skip-motion-correction", "--spikesort.skip_motion_correction true",
    "--spikesorting.skip-motion-correction True"])
def test_the_exercise_to_skip_the_sorters_motion_correction(text):
    assert from_command_line(text)["spikesort"]["skip_motion_correction"] is True


def test_defaults_are_the_contracts():
    resolved = resolve({})
    pre, sort = resolved["preprocessing"], resolved["spikesort"]
    assert (pre["denoising"], pre["max_bad_channel_fraction"], pre["motion"], pre["motion_preset"]) == \
        ("cmr", 0.5, "compute", "dredge_fast")
    assert sort["skip_motion_correction"] is False and sort["min_drift_channels"] == 96
    assert pre["min_duration_for_preprocessing"] == 3.0 and resolved["job_dispatch"]["debug_duration"] == 30.0
    assert resolved["notices"] == [] and resolved["left_out"] == []
    json.dumps(resolved)


@pytest.mark.parametrize("text, stage, name, value", [
    ('--job_dispatch_args "--debug --debug-duration 10"', "job_dispatch", "debug_duration", 10.0),
    ('--job_dispatch_args "--debug"', "job_dispatch", "debug", True),
    ('--job_dispatch_args "--no-split-segments --no-split-groups"', "job_dispatch", "split_segments", False),
    ('--job_dispatch_args "--split-groups False"', "job_dispatch", "split_groups", False),
    ('--preprocessing_args "--denoising destripe --max-bad-channel-fraction 0.3"', "preprocessing",
     "max_bad_channel_fraction", 0.3),
    ('--preprocessing_args "--motion apply --motion-preset nonrigid_accurate"', "preprocessing", "motion_preset",
     "nonrigid_accurate"),
    ('--preprocessing_args "--no-remove-bad-channels"', "preprocessing", "remove_bad_channels", False),
    ('--preprocessing_args "--denoising_strategy destripe"', "preprocessing", "denoising", "destripe"),
    ('--spikesort_args "--min-drift-channels 64"', "spikesort", "min_drift_channels", 64),
    ("--preprocessing.motion apply", "preprocessing", "motion", "apply"),
    ("--preprocessing.motion=apply", "preprocessing", "motion", "apply"),
    ('--visualization_kwargs "--timeseries-snippet-duration-s 1"', "visualization", "timeseries_snippet_duration_s",
     1.0),
    ('--nwb_subject_args "--subject-id M1"', "nwb_subject", "subject_id", "M1"),
    ('--nwb_ecephys_args "--stub --stub-seconds 5"', "nwb_ecephys", "stub", True),
    ('--curation_args "--rule \'snr > 5\'"', "curation", "rule", "snr > 5"),
])
def test_every_road_reaches_its_setting(text, stage, name, value):
    assert from_command_line(text)[stage][name] == value


@pytest.mark.parametrize("preset", MOTION_PRESETS)
def test_every_motion_preset_is_taken_and_spikeinterfaces(preset):
    from spikeinterface.preprocessing.motion import motion_options_preset

    assert resolve({"preprocessing": {"motion_preset": preset}})["preprocessing"]["motion_preset"] == preset
    assert preset in motion_options_preset


def test_applied_motion_switches_the_sorters_off():
    resolved = from_command_line("--preprocessing.motion apply")
    assert resolved["spikesort"]["skip_motion_correction"] is True and "own motion correction" in resolved["notices"][0]


def test_json_in_a_quoted_string():
    info = {"reader_type": "binary", "reader_kwargs": {"file_paths": ["a b.raw"]}}
    resolved = resolve({"job_dispatch_args": f"--input spikeinterface --spikeinterface-info '{json.dumps(info)}'"})
    assert resolved["job_dispatch"]["spikeinterface_info"] == info


# errors name the parameter and what is allowed


@pytest.mark.parametrize("text, words", [
    ("--sortr lupin", ["--sortr", "did you mean --sorter?"]),
    ("--sorter kilosort5", ["--sorter", "kilosort5", "spykingcircus2"]),
    ("--workflow all --sorter lupin", ["--workflow all", "lupin uses no model", "leave --sorter out"]),
    ("--finetuning.apply --sorter simsort", ["--finetuning.apply needs a model", "--model shipped"]),
    ("--workflow all --model shipped", ["--model", "'shipped'", "--workflow all trains"]),
    ("--workflow all --simulation.cells /no/such/cells", ["/no/such/cells", "no folder"]),
    ("--simulation.cells cat", ["--simulation.cells", "'cat'", "builtin, mearec, bmtk"]),
    ("--workflow pretrain --simulation.cells /no/such/cells", ["/no/such/cells", "no folder"]),
    ("--n_jobs many", ["--n_jobs", "many", "whole number"]),
    ("--n_jobs 0", ["--n_jobs", "0"]),
    ("--n_jobs -2", ["--n_jobs", "-2", "at least -1"]),
    ("--preprocessing.motion maybe", ["--preprocessing.motion", "maybe", "skip, compute, apply"]),
    ("--preprocessing.motoin apply", ["--preprocessing.motoin", "did you mean --preprocessing.motion?"]),
    ("--preprocessing.max-bad-channel-fraction 1.5", ["max-bad-channel-fraction", "1.5", "at most 1"]),
    ("--preprocessing.max-bad-channel-fraction nan", ["max-bad-channel-fraction", "nan", "a number"]),
    ("--preprocessing.motion", ["--preprocessing.motion", "True"]),
    ("--preprocessing.bandpass-freq-min 7000", ["bandpass-freq-min", "7000", "bandpass-freq-max"]),
    ("--preprocessing.t-start 5 --preprocessing.t-stop 4", ["t-start", "t-stop"]),
    ("--postprocessing.use-motion-corrected", ["use-motion-corrected", "--preprocessing.motion apply"]),
    ("--spikesort.Th_univrsal 9 --sorter kilosort4", ["Th_univrsal", "did you mean --spikesort.Th_universal?"]),
    ("--spikesort.Th_universal high --sorter kilosort4", ["Th_universal", "high"]),
    ("--spikesort.Th_universal 9", ["Th_universal"]),  # not a parameter of simsort
    ('--preprocessing_args "--motion \'apply"', ["preprocessing_args", "close every quote"]),
    ('--preprocessing_args "motion apply"', ["'motion'", "--name value"]),
    ('--preprocessing_args "--motion apply --motion skip"', ["--preprocessing.motion", "twice"]),
    ('--preprocessing_args "--motion apply" --preprocessing.motion skip', ["--preprocessing.motion", "keep one"]),
    ("--preprocessing_args", ["preprocessing_args", "no value"]),
    ("--params_file /no/such/file.json", ["/no/such/file.json", "does not exist"]),
    ("--job_dispatch.input spikeinterface", ["spikeinterface", "reader"]),
    ("--job_dispatch.debug-duration -1", ["debug-duration", "-1"]),
    ("--preprocessing x --preprocessing.motion skip", ["--preprocessing.motion", "keep one"]),
    ("--preprocessing.motion skip --preprocessing x", ["--preprocessing x", "keep one"]),
    ("stray", ["stray", "--name value"]),
])
def test_mistakes_are_named(text, words):
    with pytest.raises(UserError) as error:
        from_command_line(text)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert "\n" not in str(error.value)


def test_the_same_value_by_two_roads_is_no_contradiction():
    text = '--preprocessing_args "--motion apply" --preprocessing.motion apply'
    assert from_command_line(text)["preprocessing"]["motion"] == "apply"


def test_a_mistake_is_one_line_on_the_command_line(run_cli):
    outcome = run_cli("check-params", "--", "--preprocessing.motion", "maybe")
    assert outcome.status == 2
    assert outcome.stderr.count("\n") == 1 and outcome.stderr.startswith("simsort check-params: error: ")


# precedence


def write(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def test_precedence(tmp_path):
    file = write(tmp_path, "p.json", json.dumps({"runmode": "fast", "preprocessing": {"denoising": "destripe",
                                                                                     "motion": "compute"}}))
    resolved = resolve({"params_file": file, "preprocessing": {"denoising": "cmr"}})
    assert resolved["preprocessing"]["denoising"] == "cmr", "command line beats file"
    assert resolved["preprocessing"]["motion"] == "compute", "file beats fast"
    assert resolved["spikesort"]["skip_motion_correction"] is True, "fast beats default"
    assert not any(left.startswith("preprocessing.motion") for left in resolved["left_out"])
    assert resolve({"params_file": file, "runmode": "full"})["spikesort"]["skip_motion_correction"] is False


def test_fast_changes_only_what_exists():
    for stage, changes in FAST.items():
        assert set(changes) <= {field for field, _ in lookup(STAGES[stage]).items()}
        for name, value in changes.items():
            assert resolve({})[stage][name] != value


def test_yaml_and_json_say_the_same(tmp_path):
    as_json = write(tmp_path, "p.json", '{"sorter": "lupin", "preprocessing": {"motion": "apply", "t_stop": 10}, '
                                        '"spikesort_args": "--min-drift-channels 32"}')
    as_yaml = write(tmp_path, "p.yaml", "sorter: lupin\npreprocessing:\n  motion: apply\n  t_stop: 10\n"
                                        "spikesort_args: --min-drift-channels 32\n")
    first, second = (resolve({"params_file": file}) for file in (as_json, as_yaml))
    first["globals"].pop("params_file"), second["globals"].pop("params_file")
    assert first == second and first["spikesort"]["min_drift_channels"] == 32


@pytest.mark.parametrize("name, text, words", [
    ("p.json", "{not json", "cannot be parsed"), ("p.yaml", "a: [1", "cannot be parsed"),
    ("p.json", "[1, 2]", "holds a list"), ("p.yaml", "just words", "holds a str"),
    ("p.json", '{"preprocessing": {"motoin": 1}}', "motoin"), ("p.json", '{"preprocessing": 3}', "preprocessing"),
])
def test_bad_params_files(tmp_path, name, text, words):
    with pytest.raises(UserError, match=words):
        resolve({"params_file": write(tmp_path, name, text)})


def test_an_empty_params_file_is_no_settings(tmp_path):
    assert read_params_file(write(tmp_path, "p.yaml", "# nothing\n")) == {}


def test_aind_style_params_file(tmp_path):
    content = {"job_dispatch": {"split_segments": False, "debug": True, "debug_duration": 120, "input": "aind"},
               "preprocessing": {"denoising_strategy": "destripe", "min_preprocessing_duration": 60,
                                 "max_bad_channel_fraction": 0.4},
               "spikesorting": {"kilosort4": {"skip_motion_correction": True, "min_drift_channels": 6,
                                              "sorter": {"Th_universal": 7, "nblocks": 1}},
                                "spykingcircus2": {"sorter": {"apply_preprocessing": True}}},
               "visualization": {"timeseries": {"n_snippets_per_segment": 3}, "drift": {"n_skip": 10}}}
    resolved = resolve({"sorter": "kilosort4", "params_file": write(tmp_path, "aind.json", json.dumps(content))})
    assert resolved["preprocessing"]["denoising"] == "destripe"
    assert resolved["preprocessing"]["min_duration_for_preprocessing"] == 60
    assert resolved["spikesort"]["sorter_params"] == {"Th_universal": 7, "nblocks": 1}
    assert resolved["spikesort"]["skip_motion_correction"] and resolved["spikesort"]["min_drift_channels"] == 6
    assert resolved["visualization"]["timeseries_n_snippets_per_segment"] == 3
    other = resolve({"sorter": "lupin", "params_file": str(tmp_path / "aind.json")})
    assert other["spikesort"]["sorter_params"] == {}, "another sorter's block is left alone"


# the sorters' own parameters


@pytest.mark.slow
def test_the_committed_table_is_spikeinterfaces():
    from spikeinterface.sorters import get_default_sorter_params

    for sorter in SORTERS:
        theirs = get_default_sorter_params(SPIKEINTERFACE_NAMES.get(sorter, sorter))
        theirs = {k: v for k, v in theirs.items() if k not in OWN}
        text = json.dumps(theirs, default=str).replace("Infinity", "1e308")
        assert json.loads(text) == sorter_table()[sorter], f"{sorter}: python -m simsort.config.sorter_params"


@pytest.mark.parametrize("sorter", SORTERS)
def test_a_sorters_defaults_are_accepted_as_given(sorter):
    given_params = {k: v for k, v in sorter_table()[sorter].items() if k not in lookup(STAGES["spikesort"])}
    resolved = resolve({"sorter": sorter, "spikesort": {"sorter_params": given_params}})
    assert resolved["spikesort"]["sorter_params"] == given_params


def test_sorter_parameters_from_text():
    resolved = from_command_line('--sorter kilosort4 --spikesort_args "--Th_universal 7.5 --do_CAR False '
                                 '--nblocks 0"')
    assert resolved["spikesort"]["sorter_params"] == {"Th_universal": 7.5, "do_CAR": False, "nblocks": 0}


# every declared option


def test_every_option_is_documented_and_takes_its_default():
    rows = parameter_table()
    assert len({name for name, *_ in rows}) == len(rows) and all(help_text for *_, help_text in rows)
    for stage, stage_class in STAGES.items():
        defaults = resolve({})[stage]
        assert resolve({stage: {k: v for k, v in defaults.items()}})[stage] == defaults, stage


@pytest.mark.parametrize("stage", STAGES)
def test_negated_names_are_booleans_only(stage):
    for name, (field, negate) in lookup(STAGES[stage]).items():
        if negate:
            assert convert(field, True, stage, negate) is False and convert(field, "false", stage, negate) is True


def test_bounds_are_inclusive():
    for value in (0, 1, 0.0, "1"):
        resolve({"preprocessing": {"max_bad_channel_fraction": value}})
    for value in (-1e-9, 1 + 1e-9, float("inf")):
        with pytest.raises(UserError):
            resolve({"preprocessing": {"max_bad_channel_fraction": value}})


# fuzz: a resolved configuration or a UserError, nothing else

NAMES = [name for stage in STAGES.values() for name in lookup(stage)] + ["Th_universal", "detection", "kilosort4"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(
    ["apply", "True", "none", "null", "{}", "[1, 2]", "{\"a\": 1}", "--motion apply", "'", "\\", "1e400", "nan"])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3)
                      | st.dictionaries(st.text(max_size=6) | st.sampled_from(NAMES), inner, max_size=3), max_leaves=6)
STAGE_NAMES = st.sampled_from([*STAGES, *(f"{s}_args" for s in STAGES), "spikesorting", "visualization_kwargs"])
GLOBAL_NAMES = st.sampled_from(["sorter", "runmode", "n_jobs", "workflow", "max_memory", "model"]) | st.text(max_size=8)
GIVEN = st.dictionaries(STAGE_NAMES | GLOBAL_NAMES, VALUES | st.dictionaries(st.sampled_from(NAMES), VALUES,
                                                                             max_size=4), max_size=4)


def resolves_or_explains(function, *args):
    try:
        result = function(*args)
    except UserError as error:
        assert error.what and error.remedy
        return None
    return result


@given(GIVEN)
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_mapping_resolves_or_is_explained(given_params):
    resolved = resolves_or_explains(resolve, given_params)
    if resolved is not None:
        assert set(resolved) == {"globals", "notices", "left_out", *STAGES}
        json.dumps(resolved)


WORDS = st.lists(st.sampled_from(["--preprocessing.motion", "--preprocessing", "apply", "--n_jobs", "4", "--", "-", "",
                                  "--preprocessing_args", "--motion skip", "--a.b.c", "--.", "--=", "--x=",
                                  "--preprocessing.motion.deep", "--spikesort.sorter_params.a", "'"])
                 | st.text(max_size=6), max_size=6)


@given(WORDS)
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_command_line_resolves_or_is_explained(words):
    resolves_or_explains(lambda: resolve(nest_command_line(words)))
    resolves_or_explains(parse_tokens, words, "preprocessing")


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("latin-1")), st.sampled_from(["json", "yaml"]))
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_params_file_resolves_or_is_explained(tmp_path_factory, text, suffix):
    file = tmp_path_factory.getbasetemp() / f"fuzz.{suffix}"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    resolves_or_explains(resolve, {"params_file": str(file)})


def test_single_words_that_nextflow_takes_apart_are_put_back():
    """Of `--job_dispatch_args "--debug"` Nextflow makes two parameters, as there is no space in the word."""
    resolved = resolve({"job_dispatch_args": True, "debug": True, "spikesort_args": True, "skip-motion-correction": True,
                        "do_CAR": "false", "sorter": "kilosort4"})
    assert resolved["job_dispatch"]["debug"] and resolved["spikesort"]["skip_motion_correction"]
    assert resolved["spikesort"]["sorter_params"] == {"do_CAR": False}
    with pytest.raises(UserError, match="--preprocessing_args was given no value"):
        resolve({"preprocessing_args": True})
    with pytest.raises(UserError, match="unknown parameter --debug"):
        resolve({"debug": True})


@pytest.mark.parametrize("given, message", [
    ({"sorter": "simsort", "spikesort": {"encoder": "ced"}}, "--spikesort.encoder was given 'ced'"),
    ({"sorter": "lupin", "spikesort": {"encoder": "ceed"}}, "encoder"),
    ({"sorter": "simsort", "model": "shipped", "spikesort": {"encoder": "ceed"}, "finetuning": {"apply": True}},
     "--finetuning.apply tunes the sorter's own encoder"),
    ({"sorter": "simsort", "model": "/models/mine", "spikesort": {"encoder": "none"}}, "encoder none uses no model")])
def test_an_encoder_that_cannot_be_is_found_at_once(given, message):
    with pytest.raises(UserError, match=message):
        resolve(given)
    assert resolve({"spikesort": {"encoder": "none"}})["spikesort"]["sorter_params"] == {"encoder": "none"}
