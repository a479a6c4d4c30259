"""The verdict on a recording: noise, mains, saturation, artefacts, channels, drift, yield."""
