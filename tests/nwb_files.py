"""Write NWB files for tests, by neuroconv."""


def write_nwb(file, recordings: dict, *, positions: bool = True, backend: str = "hdf5"):
    """Write recordings as electrical series, by neuroconv; it leaves out the positions of SpikeInterface 0.105's
    probes, so they are given as the electrode columns NWB knows them by."""
    import datetime

    from neuroconv.tools.spikeinterface import add_recording_to_nwbfile
    from pynwb import NWBHDF5IO, NWBFile

    nwbfile = NWBFile("test", "id", datetime.datetime(2024, 2, 8, tzinfo=datetime.timezone.utc))
    for name, recording in recordings.items():
        for column, values in zip(("rel_x", "rel_y"), recording.get_channel_locations().T if positions else ()):
            recording.set_property(column, values)
        metadata = {"Ecephys": {"Device": [{"name": "probe"}], "ElectricalSeriesRaw": {"name": name}}}
        add_recording_to_nwbfile(recording, nwbfile, metadata=metadata, es_key="ElectricalSeriesRaw",
                                 iterator_type=None)
    io_class = NWBHDF5IO
    if backend == "zarr":
        from hdmf_zarr import NWBZarrIO as io_class
    with io_class(str(file), "w") as io:
        io.write(nwbfile)
    return file
