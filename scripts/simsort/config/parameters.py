"""One configuration from every road: command line, params file, nested names and the quoted `*_args` strings.

Later roads win over earlier ones: defaults, `--runmode fast`, params file, command line. On the command line a quoted
`--preprocessing_args "--motion apply"` and a nested `--preprocessing.motion apply` stand side by side; giving one
setting two different values there is an error.
"""

import dataclasses
import json
import shlex
from pathlib import Path

from simsort.config.nwb import check_nwb
from simsort.config.options import convert, default_of, lookup, normalise_name, show, unknown_name
from simsort.config.quality_control import limits_of
from simsort.config.sorter_params import check_sorter_params, sorter_table
from simsort.config.stages import (CELL_SOURCES, FAST, PRESETS, PRETRAINING_PRESETS, SORTERS, STAGE_ALIASES,
                                   STAGES, Globals)
from simsort.curation.rule import parse_rule
from simsort.errors import UserError

SORTER_OPTIONS_BESIDE = ("spikesort",)
N_HEADS = 4  # of the transformers: their widths are multiples of it


def parse_argument_string(text: str, prefix: str) -> dict:
    """Parse the inside of a quoted `*_args` string into `{name: value}`.

    Parameters
    ----------
    text : str
        Options as on a command line: `--motion apply --no-remove-bad-channels`.
    prefix : str
        Stage name, for messages.

    Raises
    ------
    UserError
        If quotes do not close or a word stands where an option is expected.
    """
    try:
        tokens = shlex.split(text)
    except ValueError as error:
        raise UserError(f"--{prefix}_args {text!r} cannot be read ({error})", "close every quote") from None
    return parse_tokens(tokens, prefix)


def parse_tokens(tokens: list[str], prefix: str = "") -> dict:
    """Parse `["--name", "value", "--flag", "--other=1"]` into `{name: value}`; a bare flag is True."""
    given: dict = {}
    name = None
    for token in tokens:
        if token.startswith("--"):
            name, equals, value = token[2:].partition("=")
            name = normalise_name(name)
            if name in given:
                raise UserError(f"{show(prefix, name)} is given twice", "keep one of them")
            given[name] = value if equals else True
            if equals:
                name = None
        elif name is None:
            raise UserError(f"{token!r} follows no option in the settings of {prefix or 'the run'}",
                            "write options as --name value and quote a value that holds spaces")
        elif given[name] is True:
            given[name] = token
        else:
            given[name] = f"{given[name]} {token}"
    return given


def nest_command_line(tokens: list[str]) -> dict:
    """Parse a command line as Nextflow does: `--a.b c` nests, `--a_args "--b c"` stays a string."""
    nested: dict = {}
    position = 0
    while position < len(tokens):
        token = tokens[position]
        position += 1
        if token.startswith("-") and not token.startswith("--"):  # Nextflow's own option, with or without a value
            position += position < len(tokens) and not tokens[position].startswith("-")
            continue
        if not token.startswith("--"):
            raise UserError(f"{token!r} is not an option", "write options as --name value")
        name, equals, value = token[2:].partition("=")
        if not equals:
            quoted = name.endswith(("_args", "_kwargs"))  # the word after it is its value even if it begins with --
            has_value = position < len(tokens) and (quoted or not _starts_option(tokens[position]))
            value = tokens[position] if has_value else True
            position += has_value
        target = nested
        *parents, leaf = name.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise UserError(f"--{name} is given beside --{parent} {target}", "keep one of them")
        if isinstance(target.get(leaf), dict):
            raise UserError(f"--{name} {value} is given beside --{name}.{next(iter(target[leaf]))}", "keep one of them")
        target[leaf] = value
    return nested


def _starts_option(token: str) -> bool:
    """Tell a following option from a quoted value such as `"--motion apply"`, as Nextflow does, by the space in it."""
    return token.startswith("--") and " " not in token.rstrip("\n")


def read_params_file(path: str) -> dict:
    """Read a JSON or YAML params file.

    Raises
    ------
    UserError
        If the file is missing, cannot be parsed or does not hold a mapping.
    """
    file = Path(path)
    if not file.is_file():
        raise UserError(f"params file {path} does not exist", "check --params_file")
    try:
        text = file.read_text(encoding="utf8")
        if file.suffix.lower() in (".yaml", ".yml"):
            import yaml

            content = yaml.safe_load(text)
        else:
            content = json.loads(text)
    except ImportError:
        raise UserError(f"params file {path} is YAML, which needs the package pyyaml", "install it or use JSON") from None
    except Exception as error:
        raise UserError(f"params file {path} cannot be parsed ({' '.join(str(error).split())})",
                        "mend it, or check it with a JSON or YAML validator") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"params file {path} holds a {type(content).__name__}", "write a mapping of parameters")
    return content


def resolve(given: dict) -> dict:
    """Turn everything a user gave into the one validated configuration.

    Parameters
    ----------
    given : dict
        Parameters as on the command line (Nextflow's `params`): global names, nested stages, `*_args` strings.

    Returns
    -------
    resolved : dict
        `globals` and one mapping per stage with every setting, `notices` (lines for the user) and `left_out`
        (what the fast mode leaves out).

    Raises
    ------
    UserError
        For an unknown name, a wrong type, an impossible value or contradicting ones.
    """
    command_line = split_roads(put_back({k: v for k, v in given.items() if v is not None}), "the command line")
    params_file = command_line["globals"].get("params_file")
    from_file = split_roads(read_params_file(params_file), params_file) if params_file else split_roads({}, "")
    given_globals = {**from_file["globals"], **command_line["globals"]}
    run = build_globals(given_globals)
    resolved = {"globals": dataclasses.asdict(run), "notices": [], "left_out": []}
    if run.input_data_type:
        from_file["job_dispatch"].setdefault("input", run.input_data_type)
    user_settings = {stage: {**checked(stage, from_file[stage], run.sorter),
                             **checked(stage, command_line[stage], run.sorter)} for stage in STAGES}
    preset = presets_of(user_settings)
    for stage, stage_class in STAGES.items():
        user = user_settings[stage]
        fast = FAST.get(stage, {}) if run.runmode == "fast" else {}
        resolved[stage] = dataclasses.asdict(stage_class(**{**fast, **preset.get(stage, {}), **user}))
        resolved["left_out"] += [f"{stage}.{k} = {v}" for k, v in fast.items() if k not in user]
    check_together(resolved)
    return resolved


def presets_of(user_settings: dict) -> dict:
    """Return what the presets of the simulation and of the training change, by stage."""
    changes = dict(PRESETS.get(user_settings["simulation"].get("preset"), {}))
    chosen = {**changes.get("pretraining", {}), **user_settings["pretraining"]}.get("preset")
    changes["pretraining"] = {**PRETRAINING_PRESETS.get(chosen, {}), "preset": chosen}
    return changes


def put_back(given: dict) -> dict:
    """Undo how Nextflow reads `--job_dispatch_args "--debug"`: without a space in it, it makes a parameter of its own."""
    given = dict(given)
    for raw_name in [name for name, value in given.items() if value is True]:
        stage = normalise_name(raw_name).removesuffix("_args").removesuffix("_kwargs")
        stage = STAGE_ALIASES.get(stage, stage)
        if stage not in STAGES:
            continue
        known = {*lookup(STAGES[stage])} - {*lookup(Globals)}
        if stage in SORTER_OPTIONS_BESIDE:
            known.update(name for table in sorter_table().values() for name in table)
        inside = {name: given.pop(name) for name in list(given) if normalise_name(name) in known}
        given[raw_name] = inside or True
    return given


def split_roads(given: dict, where: str) -> dict[str, dict]:
    """Sort parameters into globals and stages, unpacking `*_args` strings and refusing unknown names."""
    roads: dict[str, dict] = {"globals": {}, **{stage: {} for stage in STAGES}}
    known = lookup(Globals)
    for raw_name, value in given.items():
        name = normalise_name(raw_name)
        stage = name.removesuffix("_args").removesuffix("_kwargs")
        stage = STAGE_ALIASES.get(stage, stage)
        if stage in STAGES:
            add_stage_settings(roads[stage], stage, value, name)
        elif name in known:
            roads["globals"][known[name][0].name] = convert(known[name][0], value, "")
        else:
            stages = [f"{s}_args" for s in STAGES]
            raise unknown_name("", name, [*known, *stages])
    return roads


def add_stage_settings(road: dict, stage: str, value, name: str) -> None:
    """Add one mapping or quoted string of settings of a stage; the same name with another value is an error."""
    if value is True:
        raise UserError(f"--{name} was given no value",
                        f"write --{name}='--option value' (with the equals sign when it holds one word only)")
    if isinstance(value, str):
        value = parse_argument_string(value, stage)
    if not isinstance(value, dict):
        raise UserError(f"--{name} was given {value!r}", "allowed: a quoted string of options or a mapping")
    for key, item in value.items():
        key = normalise_name(key)
        if key in road and road[key] != item:
            raise UserError(f"{show(stage, key)} is given as {road[key]!r} and as {item!r}", "keep one of them")
        road[key] = item


def build_globals(given: dict) -> Globals:
    """Build the global settings; the model that --workflow all trains is for the sorter simsort."""
    if given.get("workflow") == "all":
        given = {"sorter": "simsort", **given}
    run = Globals(**given)
    if run.workflow == "all" and run.sorter != "simsort":
        raise UserError(f"--workflow all sorts with the model that it trains, but {run.sorter} uses no model",
                        "leave --sorter out, or use --workflow sort")
    if run.workflow == "all" and run.model is not None:
        raise UserError(f"--model was given {run.model!r}, but --workflow all trains a model of its own",
                        "leave --model out, or use --workflow sort --sorter simsort")
    if run.model is not None and run.workflow == "sort" and run.sorter != "simsort":
        raise UserError(f"--model was given {run.model!r}, but {run.sorter} uses no model",
                        "add --sorter simsort or leave --model out")
    if run.n_jobs == 0:
        raise UserError("--n_jobs was given 0", "allowed: -1 (automatic) or a positive whole number")
    return run


def checked(stage: str, given: dict, sorter: str) -> dict:
    """Convert one road's settings of a stage to their types, refusing unknown names.

    For `spikesort` the sorter's own parameters may stand beside the stage's, or in AIND's form
    `{kilosort4: {skip_motion_correction: true, sorter: {...}}}`.
    """
    names = lookup(STAGES[stage])
    settings, own_params = {}, {}
    for name, value in flatten(given, stage, sorter).items():
        if name in names:
            field, negate = names[name]
            settings[field.name] = convert(field, value, stage, negate)
        elif stage in SORTER_OPTIONS_BESIDE and name in sorter_table().get(sorter, {}):
            own_params[name] = value
        else:
            known = [*names, *(sorter_table().get(sorter, {}) if stage in SORTER_OPTIONS_BESIDE else ())]
            raise unknown_name(stage, name, known)
    if own_params or "sorter_params" in settings:
        settings["sorter_params"] = check_sorter_params(sorter, {**settings.get("sorter_params", {}), **own_params})
    return settings


def flatten(given: dict, stage: str, sorter: str) -> dict:
    """Flatten the nested forms of the AIND params file into this pipeline's names."""
    flat = {}
    for key, value in given.items():
        name = normalise_name(key)
        if stage == "spikesort" and name in SORTERS and isinstance(value, dict):
            if name == sorter:
                block = {normalise_name(k): v for k, v in value.items()}
                flat["sorter_params"] = {**own_settings(flat, "sorter_params"), **own_settings(block, "sorter")}
                flat.update(block)
        elif stage == "visualization" and name in ("timeseries", "drift", "motion") and isinstance(value, dict):
            flat.update({f"{name}_{normalise_name(k)}": v for k, v in value.items()})
        else:
            flat[name] = value
    return flat


def own_settings(block: dict, name: str) -> dict:
    """Take the sorter's own settings out of a block."""
    found = block.pop(name, {})
    if not isinstance(found, dict):
        raise UserError(f"--spikesort {name} was given {found!r}", "allowed: a mapping of the sorter's own parameters")
    return found


def check_together(resolved: dict) -> None:
    """Check settings against one another and write down what follows from them."""
    pre, post, spikesort = resolved["preprocessing"], resolved["postprocessing"], resolved["spikesort"]
    if pre["bandpass_freq_min"] >= pre["bandpass_freq_max"]:
        raise UserError(f"--preprocessing.bandpass-freq-min {pre['bandpass_freq_min']} is not below "
                        f"--preprocessing.bandpass-freq-max {pre['bandpass_freq_max']}", "swap or change them")
    if pre["t_start"] is not None and pre["t_stop"] is not None and pre["t_start"] >= pre["t_stop"]:
        raise UserError(f"--preprocessing.t-start {pre['t_start']} is not before --preprocessing.t-stop "
                        f"{pre['t_stop']}", "swap or change them")
    if post["use_motion_corrected"] and pre["motion"] != "apply":
        raise UserError("--postprocessing.use-motion-corrected needs the corrected recording",
                        "add --preprocessing.motion apply")
    parse_rule(resolved["curation"]["rule"])
    limits_of(resolved["quality_control"]["thresholds"])
    if pre["motion"] == "apply" and not spikesort["skip_motion_correction"]:
        spikesort["skip_motion_correction"] = True
        resolved["notices"].append("motion is applied in preprocessing: the sorter's own motion correction is off")
    if resolved["left_out"]:
        resolved["notices"].append("runmode fast leaves out: " + "; ".join(resolved["left_out"]))
    run = resolved["globals"]
    if resolved["finetuning"]["apply"] and run["workflow"] == "sort" and run["model"] is None:
        raise UserError("--finetuning.apply needs a model", "add --sorter simsort --model shipped, or a model folder")
    encoder = spikesort["sorter_params"].get("encoder", "simsort")
    if resolved["finetuning"]["apply"] and encoder != "simsort":
        raise UserError(f"--finetuning.apply tunes the sorter's own encoder, but --spikesort.encoder is {encoder}",
                        "leave one of them out")
    if encoder == "none" and run["model"] not in (None, "shipped"):
        raise UserError(f"--model was given {run['model']!r}, but --spikesort.encoder none uses no model",
                        "leave one of them out")
    check_cells(resolved)
    check_widths(resolved["pretraining"])
    dispatch = resolved["job_dispatch"]
    if dispatch["input"] == "spikeinterface" and "reader_type" not in dispatch["spikeinterface_info"]:
        raise UserError("--job_dispatch.input spikeinterface needs the reader's name", "add --job_dispatch_args "
                        "\"--input spikeinterface --spikeinterface-info '{\\\"reader_type\\\": ..., "
                        "\\\"reader_kwargs\\\": {...}}'\"")
    check_nwb(resolved["nwb_subject"], resolved["nwb_ecephys"])


def check_cells(resolved: dict) -> None:
    """Check where the cells come from."""
    cells = resolved["simulation"]["cells"]
    if cells not in CELL_SOURCES and not Path(cells).is_absolute() and "/" not in cells:
        raise UserError(f"--simulation.cells was given {cells!r}",
                        f"allowed: {', '.join(CELL_SOURCES)} or the whole path of a folder of cells")
    if resolved["globals"]["workflow"] == "sort":
        return
    if cells not in CELL_SOURCES and not Path(cells).is_dir():
        raise UserError(f"--simulation.cells {cells} is no folder", "give the whole path of a folder of cells")
    if cells not in CELL_SOURCES and not Path(cells).is_absolute():
        raise UserError(f"--simulation.cells {cells} is not a whole path", f"write {Path(cells).resolve()}")


def check_widths(training: dict) -> None:
    """Check that the networks can be made."""
    for name in ("detector_width", "encoder_width"):
        if training[name] % N_HEADS:
            raise UserError(f"{show('pretraining', name)} was given {training[name]}",
                            f"allowed: multiples of {N_HEADS}")


def parameter_table() -> list[tuple[str, str, str, str]]:
    """List every parameter as (name, default, allowed, help), for `--help` and the documentation."""
    rows = []
    for stage, stage_class in {"": Globals, **STAGES}.items():
        for field in dataclasses.fields(stage_class):
            allowed = ", ".join(map(str, field.metadata["choices"] or ()))
            rows.append((show(stage, field.name), str(default_of(field)), allowed, field.metadata["help"]))
    return rows
