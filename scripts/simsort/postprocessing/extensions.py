"""Which analyzer extensions are computed, with which parameters, and what falls away when one is left out."""

from simsort.config.stages import EXTENSIONS

# Extensions in SpikeInterface's order of need, and what each needs.
NEEDS = {
    "waveforms": ("random_spikes",),
    "templates": ("random_spikes",),
    "spike_amplitudes": ("templates",),
    "template_similarity": ("templates",),
    "unit_locations": ("templates",),
    "spike_locations": ("templates",),
    "template_metrics": ("templates",),
    "principal_components": ("random_spikes", "waveforms"),
    "amplitude_scalings": ("templates",),
    "valid_unit_periods": ("amplitude_scalings",),
}
# Those that walk over all spikes in the traces run together, in one pass.
IN_ONE_PASS = ("spike_amplitudes", "spike_locations", "amplitude_scalings")
N_COMPONENTS = 5


def extension_parameters(settings: dict) -> dict[str, dict]:
    """Return the parameters of every extension but the quality metrics (pipelines of the Allen Institute, 2026)."""
    seed = settings["seed"]
    return {
        "random_spikes": dict(method="uniform", max_spikes_per_unit=settings["max_spikes_per_unit"], seed=seed),
        "noise_levels": dict(random_slices_kwargs=dict(seed=seed)),
        "waveforms": dict(ms_before=settings["ms_before"], ms_after=settings["ms_after"]),
        "templates": dict(ms_before=settings["ms_before"], ms_after=settings["ms_after"]),
        "spike_amplitudes": {},
        "template_similarity": dict(method="l1"),
        "correlograms": dict(window_ms=50.0, bin_ms=1.0),
        "isi_histograms": dict(window_ms=100.0, bin_ms=5.0),
        "unit_locations": dict(method="monopolar_triangulation"),
        "spike_locations": dict(method="grid_convolution", seed=seed),
        "template_metrics": dict(upsampling_factor=10, include_multi_channel_metrics=True),
        "principal_components": dict(n_components=N_COMPONENTS, mode="by_channel_local", whiten=True),
        "amplitude_scalings": {},
        "valid_unit_periods": {},
    }


def plan_extensions(skip) -> tuple[list[str], dict[str, str]]:
    """Decide what is computed.

    Parameters
    ----------
    skip : sequence of str
        Extensions the user leaves out.

    Returns
    -------
    names : list of str
        Extensions to compute, in order, without quality_metrics.
    left_out : dict
        Why each other extension is not computed.
    """
    names, left_out = [], {}
    for name in EXTENSIONS:
        missing = [need for need in NEEDS.get(name, ()) if need in left_out]
        if name in skip:
            left_out[name] = "left out by --postprocessing.skip-extensions"
        elif missing:
            left_out[name] = f"needs {missing[0]}, which is left out"
        elif name != "quality_metrics":
            names.append(name)
    return names, left_out


def compute_extensions(analyzer, settings: dict, job_kwargs: dict) -> dict[str, str]:
    """Compute the extensions of an analyzer.

    Returns
    -------
    left_out : dict
        Why an extension was not computed.
    """
    names, left_out = plan_extensions(settings["skip_extensions"])
    parameters = extension_parameters(settings)
    one_pass = {name: parameters[name] for name in names if name in IN_ONE_PASS}
    for name in names:
        if name in one_pass:
            if name == next(iter(one_pass)):
                # gigabytes that nothing below needs; they are on disk and load again when asked for
                analyzer.extensions.pop("waveforms", None)
                # gathered straight into zarr, the unused end of the last chunk would be uninitialised memory
                analyzer.compute_several_extensions(one_pass, gather_mode="memory", **job_kwargs)
            continue
        if name == "principal_components" and not has_waveforms_for_components(analyzer):
            left_out[name] = f"no unit has {N_COMPONENTS} spikes"
            continue
        analyzer.compute({name: parameters[name]}, **job_kwargs)
        if name == "principal_components":
            drop_pickled_models(analyzer)
    return left_out


def has_waveforms_for_components(analyzer) -> bool:
    """Tell whether any unit has as many waveforms as principal components are asked for."""
    counts = analyzer.sorting.count_num_spikes_per_unit(outputs="array")
    return bool(counts.max() >= N_COMPONENTS)


def drop_pickled_models(analyzer) -> None:
    """Keep the projections but not the fitted scikit-learn models, which SpikeInterface stores as pickles.

    A pickle would tie the analyzer to one scikit-learn version and run code on loading. Recomputing the extension
    from the stored waveforms brings the models back where they are needed (`export_to_phy`).
    """
    extension = analyzer.get_extension("principal_components")
    for key in [key for key in extension.data if "model" in key]:
        del extension.data[key]
    extension.save()
