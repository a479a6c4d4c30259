"""SCAM's attention, and whole steps of its training, against dense attention under a mask; at equal precision."""

import time

import torch
from torch.nn import functional

from simsort.ceed.loss import TEMPERATURE, info_nce
from simsort.models.ceed import ScamEncoder
from simsort.models.ceed_form import CeedForm
from simsort.models.scam import ScamConfig, attend, dense_attention, staircase

CHANNELS = (1, 5, 11, 21)
N_SAMPLES = CeedForm().n_samples
BATCH = {"cpu": 2, "cuda": 64}  # spikes of a timing of attention alone
STEP_BATCH = {"cpu": 2, "cuda": 32}  # of a whole step: dense scores of 20 layers have to fit in the memory
STEP_CHANNELS = (1, 5, 11)  # 21 would be 40 GB of dense scores
REPEATS = 4


def masked_sdpa(query, key, value, n_channels: int) -> torch.Tensor:
    """Return dense attention under a full mask by torch's own kernel, the fastest that takes any mask."""
    mask = staircase(n_channels, query.shape[2] // n_channels, query.device)
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)


WAYS = {"dense": dense_attention, "dense_kernel": masked_sdpa, "ours": attend}


def measure_attention(device: str) -> dict:
    """Time attention alone, forwards and backwards, and steps of the published SCAM with each of the ways.

    Returns
    -------
    found : dict
        `attention` and `steps`: for each number of channels the seconds of each way, the fastest of a few after the
        first; `device`, `threads`, `batch`, `step_batch`.
    """
    kind = torch.device(device).type
    return {"attention": [attention_row(n_channels, device) for n_channels in CHANNELS],
            "steps": [step_row(n_channels, device) for n_channels in STEP_CHANNELS], "device": kind,
            "threads": torch.get_num_threads(), "batch": BATCH[kind], "step_batch": STEP_BATCH[kind]}


def attention_row(n_channels: int, device: str) -> dict:
    """Time the ways on random queries, keys and values of one size."""
    shape = (BATCH[torch.device(device).type], ScamConfig.n_heads, N_SAMPLES * n_channels,
             width(n_channels) // ScamConfig.n_heads)
    given = [torch.randn(shape, device=device, generator=torch.Generator(device).manual_seed(index),
                         requires_grad=True) for index in range(3)]
    return {"n_channels": n_channels, **fastest_s(
        {name: lambda way=way: way(*given, n_channels).sum().backward() for name, way in WAYS.items()}, device)}


def step_row(n_channels: int, device: str) -> dict:
    """Time steps of the published sizes: two views of a batch, the loss, its gradients, AdamW."""
    torch.manual_seed(0)
    encoder = ScamEncoder(CeedForm(n_channels=n_channels), ScamConfig(width=width(n_channels))).to(device)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-4)
    views = torch.randn((2, STEP_BATCH[torch.device(device).type], n_channels, N_SAMPLES), device=device)

    def step_with(way):
        encoder.trunk.attention = way
        step(encoder, optimizer, views)
    return {"n_channels": n_channels, **fastest_s(
        {name: lambda way=way: step_with(way) for name, way in WAYS.items()}, device)}


def step(encoder: ScamEncoder, optimizer, views: torch.Tensor) -> None:
    """Make one step of a training."""
    optimizer.zero_grad(set_to_none=True)
    info_nce(*(encoder.contrast(view) for view in views), TEMPERATURE["scam"]).backward()
    optimizer.step()


def width(n_channels: int) -> int:
    """Return the published width."""
    return 32 if n_channels == 1 else 64


def fastest_s(works: dict, device: str) -> dict:
    """Return the seconds of the fastest call of each work after the first; they take turns, so that noise strikes all."""
    seconds: dict = {name: [] for name in works}
    for _ in range(REPEATS + 1):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            if torch.device(device).type == "cuda":
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - started)
    return {name: min(values[1:]) for name, values in seconds.items()}
