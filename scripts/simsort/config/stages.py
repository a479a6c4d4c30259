"""The settings of every stage, with the workshop's and the AIND pipeline's names and defaults."""

import dataclasses

from simsort.config.ceed import Ceed, CellTypes
from simsort.config.nwb import NwbEcephys, NwbSubject
from simsort.config.options import option
from simsort.config.quality_control import QualityControl

SORTERS = ("simsort", "kilosort4", "spykingcircus2", "lupin", "tridesclous2", "mountainsort5", "kilosort25")
# Named in the contract, built in work of its own; asking for it is answered plainly instead of with a stand-in.
DRIFTS = ("none", "slow", "oscillation", "jumps", "mixture")
CELL_SOURCES = ("builtin", "mearec", "bmtk")
INPUTS = ("spikeglx", "openephys", "nwb", "aind", "spikeinterface")
MOTION_PRESETS = ("dredge", "dredge_fast", "rigid_fast", "kilosort_like", "nonrigid_accurate",
                  "nonrigid_fast_and_accurate", "medicine")
# What the postprocessing stage computes, in SpikeInterface's names (unit_drift is our own).
EXTENSIONS = ("random_spikes", "noise_levels", "waveforms", "templates", "principal_components", "spike_amplitudes",
              "template_similarity", "correlograms", "isi_histograms", "unit_locations", "spike_locations",
              "template_metrics", "amplitude_scalings", "valid_unit_periods", "quality_metrics")
METRICS = ("num_spikes", "firing_rate", "presence_ratio", "snr", "isi_violation", "rp_violation",
           "sliding_rp_violation", "amplitude_cutoff", "amplitude_median", "amplitude_cv", "noise_cutoff", "synchrony",
           "firing_range", "drift", "unit_drift", "sd_ratio", "mahalanobis", "d_prime", "nearest_neighbor", "silhouette")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Globals:
    """Settings of the whole run."""

    workflow: str = option("sort", "what to run; all: pretrain, then sort with the new model", choices=("sort", "pretrain", "all"))
    sorter: str = option("simsort", "spike sorter", choices=SORTERS)
    runmode: str = option("full", "fast leaves out motion estimation, spike locations and principal components",
                          choices=("full", "fast"))
    n_jobs: int = option(-1, "worker processes in each heavy stage; -1: all cores on one machine, 8 per Slurm job",
                         minimum=-1)
    params_file: str | None = option(None, "JSON or YAML file with any of these parameters")
    model: str | None = option(None, "--sorter simsort: whole path of a model folder, or shipped")
    container_dir: str | None = option(None, "folder of the container images; default: $EPHYS_CONTAINER_DIR")
    use_containers: bool = option(False, "run every stage in its Apptainer image")
    input_data_type: str | None = option(None, "as --job_dispatch.input, which wins; default: $INPUT_DATA_TYPE",
                                         choices=INPUTS)
    data_path: str | None = option(None, "recording session; default: $DATA_PATH")
    results_path: str | None = option(None, "results folder; default: $RESULTS_PATH")
    slurm_account: str | None = option(None, "Slurm account of the stages; default: the head job's")
    cpu_partition: str | None = option(None, "Slurm partition of CPU stages; default: the head job's")
    gpu_partition: str | None = option(None, "Slurm partition of GPU stages; default: the CPU partition")
    max_cpus: int = option(16, "most CPUs a stage may ask for", minimum=1)
    max_memory: str = option("64 GB", "most memory a stage may ask for")
    max_time: str = option("48 h", "longest time limit a stage may ask for")


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobDispatch:
    """Finding recordings in a session and checking them before anything heavy."""

    input: str = option("spikeglx", "format of the session",
                        choices=INPUTS)
    split_segments: bool = option(True, "one job per segment")
    split_groups: bool = option(True, "one job per shank")
    concatenate: bool = option(False, "join all segments into one before sorting")
    debug: bool = option(False, "only the first --debug-duration seconds")
    debug_duration: float = option(30.0, "seconds kept with --debug", minimum=0.1)
    skip_timestamps_check: bool = option(False, "do not look at the recording's own timestamps")
    probe: str | None = option(None, "probeinterface JSON or .prb file with the contacts' positions, for all streams, "
                               "or 'manufacturer:model', or tetrode", aliases=("probe_path",))
    probe_paths: dict = option({}, "probe file per stream: {substring of the stream name: file}")
    keep_stream_substrings: list = option([], "keep only streams whose name holds one of these")
    skip_stream_substrings: list = option([], "leave out streams whose name holds one of these")
    spikeinterface_info: dict = option({}, "for --input spikeinterface: {reader_type, reader_kwargs, ...}")
    min_recording_duration: float = option(-1.0, "leave out recordings shorter than this many seconds; -1: keep all")
    max_saturated_fraction: float = option(0.5, "a recording with more of its samples at the ADC's limits is refused",
                                           minimum=0.0, maximum=1.0)
    min_signal_uv: float = option(0.5, "a recording whose median channel varies less (standard deviation in uV) is refused",
                                  minimum=0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """Filtering, bad channels, referencing and motion."""

    denoising: str = option("cmr", "common median reference or destriping", choices=("cmr", "destripe"),
                            aliases=("denoising_strategy",))
    filter_type: str = option("highpass", "temporal filter", choices=("highpass", "bandpass"))
    highpass_freq_min: float = option(300.0, "corner of the high-pass filter in Hz", minimum=0.1)
    bandpass_freq_min: float = option(300.0, "lower corner of the band-pass filter in Hz", minimum=0.1)
    bandpass_freq_max: float = option(6000.0, "upper corner of the band-pass filter in Hz", minimum=0.1)
    phase_shift: bool = option(True, "align channels sampled one after another")
    remove_out_channels: bool = option(True, "remove channels outside the brain")
    remove_bad_channels: bool = option(True, "remove dead and noisy channels")
    max_bad_channel_fraction: float = option(0.5, "skip a recording with more bad channels", minimum=0.0, maximum=1.0)
    motion: str = option("compute", "motion estimation: skip, compute, or compute and apply",
                         choices=("skip", "compute", "apply"))
    motion_preset: str = option("dredge_fast", "SpikeInterface's motion preset", choices=MOTION_PRESETS)
    motion_temporal_bin_s: float = option(1.0, "temporal bin of the motion estimate in seconds", minimum=0.05)
    t_start: float | None = option(None, "start in seconds", minimum=0.0)
    t_stop: float | None = option(None, "end in seconds", minimum=0.0)
    min_duration_for_preprocessing: float = option(3.0, "skip recordings shorter than this many seconds", minimum=0.0,
                                                   aliases=("min_preprocessing_duration",))
    seed: int = option(0, "seed of random chunk selection", minimum=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spikesort:
    """The sorter. Its own parameters may be given beside these by their names."""

    skip_motion_correction: bool = option(False, "switch the sorter's own motion correction off")
    min_drift_channels: int = option(96, "fewest channels for the sorter's own motion correction", minimum=1)
    seed: int = option(0, "seed of the sorter", minimum=0)
    sorter_params: dict = option({}, "parameters of the chosen sorter, by its own names")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Postprocessing:
    """The sorting analyzer, its extensions and metrics."""

    use_motion_corrected: bool = option(False, "compute on the motion-corrected recording")
    sparsity_radius_um: float = option(100.0, "channels kept around each unit in um", minimum=1.0,
                                       aliases=("radius_um",))
    duplicate_threshold: float = option(0.9, "share of coincident spikes that makes two units duplicates",
                                        minimum=0.0, maximum=1.0)
    ms_before: float = option(2.0, "waveform before the peak in ms", minimum=0.1)
    ms_after: float = option(3.0, "waveform after the peak in ms", minimum=0.1)
    max_spikes_per_unit: int = option(500, "spikes per unit for waveforms", minimum=10)
    skip_extensions: list = option([], "extensions to leave out, and with them what is computed from them",
                                   choices=EXTENSIONS)
    skip_metrics: list = option([], "quality metrics to leave out", choices=METRICS)
    seed: int = option(0, "seed of random spike selection", minimum=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Curation:
    """The rule behind `default_qc`, and labels beside it, and what kind of cell a unit may be."""

    rule: str = option("isi_violations_ratio < 0.5 and presence_ratio > 0.8 and amplitude_cutoff < 0.1",
                       "conditions on quality metrics joined by 'and'", aliases=("query", "qc_rule"))
    labels: list = option(["model", "bombcell"], "automatic labels beside the rule: a model of simulated neurons "
                          "(noise, MUA, SUA), bombcell's rules", choices=("model", "bombcell"))
    suggest_merges: bool = option(True, "suggest pairs of units that are probably one neuron")
    unitrefine_noise: str | None = option(None, "folder of a UnitRefine model that tells noise from neurons")
    unitrefine_sua: str | None = option(None, "folder of a UnitRefine model that tells single neurons from mixtures")
    unitrefine_trusted: list = option([], "types of objects in UnitRefine models that may be loaded, beyond "
                                      "scikit-learn's estimators")
    cell_types: bool = option(False, "tell each unit's kind of cell; learnt on simulated cells, see docs/cell_types.md")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Visualization:
    """Pictures."""

    timeseries_n_snippets_per_segment: int = option(2, "trace snippets per segment", minimum=1,
                                                    aliases=("n_snippets_per_segment",))
    timeseries_snippet_duration_s: float = option(0.5, "length of a snippet in seconds", minimum=0.01,
                                                  aliases=("snippet_duration_s",))
    drift_detect_threshold: float = option(5.0, "peak threshold of the drift map", minimum=1.0)
    drift_n_skip: int = option(30, "most peaks drawn: one in n", minimum=1)
    drift_alpha: float = option(0.15, "transparency of peaks", minimum=0.0, maximum=1.0)
    drift_vmin: float = option(-200.0, "lower end of the amplitude colours in uV")
    drift_vmax: float = option(0.0, "upper end of the amplitude colours in uV")
    drift_cmap: str = option("Greys_r", "colour map of the drift map")
    motion_scatter_decimate: int = option(15, "one peak in n is drawn in the motion picture", minimum=1)
    max_unit_pictures: int = option(200, "most units that get a picture of their own", minimum=0)
    output_format: str = option("png", "picture format", choices=("png",))
    figurl: str = option("auto", "Figurl links; auto: where KACHERY_API_KEY and KACHERY_ZONE are set",
                         choices=("auto", "on", "off"))
    figurl_data_url: str | None = option(None, "address below which a web server of your own will serve the folder figurl/ of "
                                         "each recording's pictures; then no credentials are needed")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Simulation:
    """The cells of --workflow pretrain and `simsort simulate`: each is simulated once in NEURON, to be placed many times."""

    preset: str | None = option(None, "paper: SimSort's own recordings (5 cells around a 2 x 2 tetrode, dt 0.1 ms, pink "
                                "noise current, whole currents, no added noise or drift)", choices=("paper",))
    cells: str = option("builtin", "builtin, mearec or bmtk (installed packages), or a folder of downloaded cells (Blue "
                        "Brain NMC portal or Allen Cell Types layout)")
    cell_types: list = option([], "types to simulate, such as L5_TTPC; empty: all of the source")
    n_individuals: int = option(1, "individuals of each type, each with a morphology of its own", minimum=1)
    simulated_s: float = option(20.0, "seconds simulated per individual", minimum=0.5)
    dt_ms: float = option(1 / 30, "time step in ms", minimum=0.001, maximum=0.2)
    drive: str = option("conductances", "synaptic input: Ornstein-Uhlenbeck conductances at the type's firing rate, or "
                        "SimSort's pink noise current at rheobase", choices=("conductances", "pink_noise"))
    kinetics: str = option("auto", "channels from compiled mechanisms (nmodl) or without a compiler (kschan); auto: nmodl "
                           "where it compiles", choices=("auto", "nmodl", "kschan"))
    max_snippets: int = option(400, "most spikes kept per individual", minimum=1)
    n_shards: int = option(0, "jobs of the workflow's array; 0: one per individual, at most 100", minimum=0, maximum=1000)
    seed: int = option(0, "seed of morphologies, channel densities and input", minimum=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rendering:
    """The labelled recordings of --workflow pretrain, `simsort simulate` and `simsort render`."""

    preset: str | None = option(None, "set by --simulation.preset", choices=("paper",))
    probes: list = option(["neuropixels1", "tetrode"], "probes by name, or probeinterface JSON files")
    n_channels: int = option(32, "most channels of a probe, from its tip", minimum=1)
    n_recordings: int = option(1, "recordings per probe, each with other positions, spikes and noise", minimum=1)
    duration_s: float = option(60.0, "duration of a recording in seconds", minimum=1.0)
    sampling_frequency_hz: float = option(30000.0, "sampling frequency", minimum=5000.0, maximum=200000.0)
    density_per_mm3: float | None = option(None, "active neurons per cubic millimetre; default: 20000", minimum=0.001, maximum=1e6)
    foreground_uv: float = option(30.0, "smallest mean spike peak (300-6000 Hz) of a labelled unit in uV; weaker cells fire "
                                  "in the background", minimum=0.0)
    noise_level_uv: float = option(6.0, "added noise, RMS between 300 and 6000 Hz in uV", minimum=0.0)
    drift: str = option("none", "kind of movement of the tissue", choices=DRIFTS)
    drift_um: float = option(20.0, "largest displacement in um", minimum=0.0, maximum=1000.0)
    drift_non_rigidity: float = option(0.0, "0: all depths move alike; 1: the probe's ends move independently", minimum=0.0,
                                       maximum=1.0)
    mode: str = option("library", "currents around each spike, or the whole currents of every neuron (continuous: slow)",
                       choices=("library", "continuous"))
    format: str = option("spikeinterface", "files: SpikeInterface's binary folder or SpikeGLX (Neuropixels 1.0 only)",
                         choices=("spikeinterface", "spikeglx"))
    seed: int = option(0, "seed of positions, spike trains, noise and drift", minimum=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pretraining:
    """Training of a detector and an encoder on simulated cells: --workflow pretrain and `simsort pretrain`."""

    preset: str | None = option(None, "tiny: a minute or two on two cores, to see that everything works; paper: "
                                "SimSort's networks, losses and augmentation as published", choices=("tiny", "paper"))
    n_steps: int = option(4000, "updates of the weights", minimum=1)
    sets_per_step: int = option(2, "recordings whose gradients are added for an update, on each GPU", minimum=1)
    n_events: int = option(768, "most events of a set, all of one recording", minimum=64)
    sets_per_recording: int = option(16, "sets made of a recording before the next is drawn", minimum=1)
    learning_rate: float = option(1.5e-3, "of AdamW, after the warm-up", minimum=0.0)
    weight_decay: float = option(0.01, "of AdamW", minimum=0.0)
    warm_up_steps: int = option(200, "steps over which the learning rate rises", minimum=0)
    detector_width: int = option(48, "width of the detector, a multiple of 4", minimum=4)
    detector_layers: int = option(2, "layers of the detector", minimum=1)
    encoder_width: int = option(64, "width of the encoder, a multiple of 4", minimum=4)
    encoder_layers: int = option(4, "layers of the encoder", minimum=1)
    n_windows: int = option(32, "windows of 200 ms of a set of the published detector", minimum=1, maximum=32)
    time_limit_h: float | None = option(None, "hours of training, earlier calls included, after which it ends early with "
                                        "the learning rate let down; 0: write the model of the newest checkpoint",
                                        minimum=0.0)
    checkpoint_steps: int = option(200, "steps between checkpoints; 0: only the last", minimum=0)
    validation_steps: int = option(500, "steps between scores on held-out cells and probes; 0: only the last",
                                   minimum=0)
    n_validation: int = option(4, "held-out recordings during training", minimum=1)
    n_evaluation: int = option(8, "held-out recordings, others again, of the evaluation", minimum=1)
    precision: str = option("auto", "auto: bf16 on a GPU, fp32 elsewhere", choices=("auto", "fp32", "bf16"))
    compile: bool = option(False, "compile the networks (torch.compile)")
    render_on_device: bool = option(False, "render recordings on the GPU too, not on CPU cores")
    device: str = option("auto", "auto, cpu, cuda or cuda:N; auto takes a GPU where there is one")
    seed: int = option(0, "seed of weights and recordings", minimum=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finetuning:
    """Fine-tuning of a model on a recording: `simsort finetune`, and before --sorter simsort with --finetuning.apply."""

    apply: bool = option(False, "fine-tune the model on each recording before it is sorted")
    time_limit_min: float = option(10.0, "minutes after which training ends; sorting and judging come on top",
                                   minimum=0.0)
    n_steps: int = option(300, "most updates of the weights", minimum=1)
    n_events: int = option(512, "most events of a set", minimum=64)
    learning_rate: float = option(3e-4, "of AdamW", minimum=0.0)
    check_steps: int = option(25, "steps between scores on the held-out part that chooses the weights", minimum=1)
    patience: int = option(4, "checks without a gain, one after another, after which training ends", minimum=1)
    most_minutes: float = option(10.0, "of a longer recording only so many minutes from the start are used", minimum=1.0)
    least_snr: float = option(5.0, "least depth of a safe unit's mean spike in noise levels", minimum=0.0)
    n_validation: int = option(2, "held-out simulated recordings, where cells are given", minimum=1)
    device: str = option("auto", "auto, cpu, cuda or cuda:N; auto takes a GPU where there is one")
    seed: int = option(0, "seed of everything drawn", minimum=0)


STAGES = {
    "job_dispatch": JobDispatch,
    "preprocessing": Preprocessing,
    "spikesort": Spikesort,
    "postprocessing": Postprocessing,
    "curation": Curation,
    "visualization": Visualization,
    "quality_control": QualityControl,
    "nwb_subject": NwbSubject,
    "nwb_ecephys": NwbEcephys,
    "simulation": Simulation,
    "rendering": Rendering,
    "pretraining": Pretraining,
    "ceed": Ceed,
    "cell_types": CellTypes,
    "finetuning": Finetuning,
}
STAGE_ALIASES = {"spikesorting": "spikesort"}

# What `--runmode fast` changes, unless the user asked for it by name.
FAST = {
    "preprocessing": {"motion": "skip"},
    "spikesort": {"skip_motion_correction": True},
    "postprocessing": {"skip_extensions": ["spike_locations", "principal_components", "amplitude_scalings"]},
}

# What `--simulation.preset` changes, unless the user asked for it by name.
PRESETS = {
    "paper": {
        "simulation": {"dt_ms": 0.1, "drive": "pink_noise"},
        "rendering": {"preset": "paper", "probes": ["tetrode-paper"], "n_channels": 4, "sampling_frequency_hz": 10000.0, "noise_level_uv": 0.0, "foreground_uv": 0.0, "density_per_mm3": 7400.0,
                      "drift": "none", "mode": "continuous"},
        "pretraining": {"preset": "paper"},
    },
}

# What `--pretraining.preset` changes, unless the user asked for it by name.
PRETRAINING_PRESETS = {
    "tiny": {"n_steps": 60, "sets_per_step": 1, "n_events": 256, "warm_up_steps": 10, "detector_width": 16,
             "detector_layers": 1, "encoder_width": 24, "encoder_layers": 1, "checkpoint_steps": 20, "n_windows": 2,
             "validation_steps": 30, "n_validation": 2, "n_evaluation": 2},
    "paper": {"n_steps": 50000, "sets_per_step": 1, "warm_up_steps": 4000, "weight_decay": 1e-5},
}
