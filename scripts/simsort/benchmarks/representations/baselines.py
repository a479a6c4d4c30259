"""What needs no contrast: denoised principal components, and an autoencoder."""

import numpy as np
import torch
from torch import nn

from simsort.ceed.spikes import LabelledSpikes
from simsort.models.ceed_form import CeedForm

N_TEMPORAL = 8  # components of a channel's waveform that are kept
SEED = 0


class Denoiser:
    """Keeps of each channel what the mean spikes of known units are made of.

    Published denoising is a network that was trained on clean spikes (after YASS). This is its linear counterpart: the
    first components of the units' mean waveforms, channel by channel.

    Parameters
    ----------
    spikes : LabelledSpikes
        Of known units.
    """

    def __init__(self, spikes: LabelledSpikes):
        means = np.concatenate([spikes.centred()[spikes.unit == unit].mean(axis=0) for unit in np.unique(spikes.unit)])
        loud = means[np.abs(means).max(axis=1) > 1.0]  # noise levels
        means = loud if len(loud) >= N_TEMPORAL else means
        self.components = np.linalg.svd(means, full_matrices=False)[2][:N_TEMPORAL]

    def __call__(self, waveforms: np.ndarray) -> np.ndarray:
        """Return waveforms (n, n_channels, n_samples) denoised."""
        return waveforms @ self.components.T @ self.components


def denoised_pca(spikes: LabelledSpikes, fitted_on: LabelledSpikes, dim: int) -> np.ndarray:
    """Return principal components (n, dim) of denoised spikes; the components are those of `fitted_on`."""
    from sklearn.decomposition import PCA

    denoise = Denoiser(fitted_on)
    model = PCA(dim, random_state=SEED).fit(denoise(fitted_on.centred()).reshape(len(fitted_on), -1))
    return model.transform(denoise(spikes.centred()).reshape(len(spikes), -1))


class Autoencoder(nn.Module):
    """The fully connected encoder's layers and their mirror image.

    Parameters
    ----------
    form : CeedForm
    dim : int
    """

    def __init__(self, form: CeedForm, dim: int):
        super().__init__()
        self.form, self.dim = form, dim
        widths = [form.n_channels * form.n_samples, 768, 512, 256, dim]

        def layers(sizes):
            pairs = [part for before, after in zip(sizes, sizes[1:]) for part in (nn.Linear(before, after), nn.ReLU())]
            return nn.Sequential(*pairs[:-1])
        self.encode, self.decode = layers(widths), layers(widths[::-1])

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Return waveforms (n, n_channels, n_samples) as the few numbers tell them."""
        return self.decode(self.encode(waveforms.flatten(1))).view_as(waveforms)


def train_autoencoder(spikes: LabelledSpikes, dim: int, *, n_steps: int, batch: int, learning_rate: float,
                      device="cpu", seed: int = SEED) -> Autoencoder:
    """Train an autoencoder on centred spikes."""
    torch.manual_seed(seed)
    net = Autoencoder(spikes.form, dim).to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=learning_rate, weight_decay=1e-4)
    waveforms, rng = spikes.centred(), np.random.default_rng([seed, 305])
    for step in range(n_steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * 0.5 * (1 + np.cos(np.pi * step / n_steps))
        rows = rng.choice(len(waveforms), size=min(batch, len(waveforms)), replace=False)
        given = torch.as_tensor(waveforms[rows], device=device)
        loss = nn.functional.mse_loss(net(given), given)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return net.eval()


@torch.inference_mode()
def autoencoded(net: Autoencoder, spikes: LabelledSpikes) -> np.ndarray:
    """Return the few numbers (n, dim) of spikes."""
    device = next(net.parameters()).device
    return net.encode(torch.as_tensor(spikes.centred(), device=device).flatten(1)).cpu().numpy()
