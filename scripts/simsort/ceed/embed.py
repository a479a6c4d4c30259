"""Embeddings of spikes."""

import numpy as np
import torch

from simsort.ceed.spikes import LabelledSpikes
from simsort.models.ceed_form import shape_of

AT_A_TIME = 512


@torch.inference_mode()
def embed(encoder, spikes: LabelledSpikes, device="cpu") -> np.ndarray:
    """Return embeddings (n, dim) of spikes by an encoder of `simsort.models.ceed`.

    Raises
    ------
    UserError
        If the spikes have another form than the encoder's, for instance another sampling rate.
    """
    spikes.form.must_be(encoder.form, "the spikes")
    was_training = encoder.training
    encoder.eval()
    parts = []
    for first in range(0, len(spikes), AT_A_TIME):
        some = spikes.only(slice(first, first + AT_A_TIME))
        waveforms = torch.as_tensor(some.centred(), device=device)
        offsets_um = torch.as_tensor(some.form.middle(some.offsets_um[some.row]), device=device)
        parts.append(encoder(shape_of(waveforms) if encoder.form.shape_only else waveforms, offsets_um).cpu())
    encoder.train(was_training)
    return torch.cat(parts).numpy() if parts else np.zeros((0, encoder.config.dim), dtype=np.float32)
