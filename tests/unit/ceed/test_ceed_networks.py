"""CEED's networks, its loss and its evaluation."""


import numpy as np
import pytest

torch = pytest.importorskip("torch")


def encoder(kind, n_channels=11, **config):
    from simsort.models.ceed import MlpConfig, MlpEncoder, ScamConfig, ScamEncoder
    from simsort.models.ceed_form import CeedForm

    torch.manual_seed(0)
    kinds = {"mlp": (MlpEncoder, MlpConfig), "scam": (ScamEncoder, ScamConfig)}
    return kinds[kind][0](CeedForm(n_channels=n_channels), kinds[kind][1](**config)).eval()


def test_sizes_are_the_published_ones():
    def millions(module):
        return sum(one.numel() for one in module.parameters()) / 1e6

    assert millions(encoder("mlp")) == pytest.approx(1.82, abs=0.005)
    assert millions(encoder("scam").trunk) == pytest.approx(1.0, abs=0.02)
    single = encoder("scam", 1, width=32)
    assert single.trunk.head.out_features == 128
    assert single(torch.randn(3, 1, 121)).shape == (3, 5)
    assert encoder("mlp", projector=False)(torch.randn(2, 11, 121)).shape == (2, 5)


@pytest.mark.parametrize("n_channels", [1, 5, 11, 21])
def test_every_way_of_attention_gives_the_same(n_channels):
    from torch.nn.attention.flex_attention import flex_attention

    from simsort.models.scam import attend, block_mask, dense_attention, piecewise_attention

    generator = torch.Generator().manual_seed(0)
    given = [torch.randn(2, 4, 121 * n_channels, 8, generator=generator) for _ in range(3)]
    wanted = dense_attention(*given, n_channels)
    assert torch.allclose(piecewise_attention(*given, n_channels), wanted, atol=1e-5)
    assert torch.allclose(attend(*given, n_channels), wanted, atol=1e-5)
    with pytest.warns(UserWarning) if n_channels == 1 else __import__("contextlib").nullcontext():
        flexible = flex_attention(*given, block_mask=block_mask(n_channels, 121 * n_channels, "cpu"))
    assert torch.allclose(flexible, wanted, atol=1e-5)


def test_attention_sees_all_channels_and_no_later_sample():
    net = encoder("scam", 5, n_layers=2).trunk
    tokens = torch.randn(1, 121 * 5, 64)
    before = net.blocks[0](tokens, 5, net.attention)
    changed = tokens.clone()
    changed[0, 60 * 5 + 4] = 5 * torch.randn(64)  # sample 60, last channel
    after = net.blocks[0](changed, 5, net.attention)
    differs = (after - before).abs().amax(dim=2)[0].view(121, 5)
    assert differs[:60].max() == 0.0
    assert (differs[60:] > 0).all(), "also the other channels of the same sample"


def test_attention_leaves_out_what_the_mask_hides(monkeypatch):
    from simsort.models import scam

    pairs, attention = [], scam.functional.scaled_dot_product_attention

    def counted(query, key, value, **more):
        pairs.append(query.shape[2] * key.shape[2])
        return attention(query, key, value, **more)
    monkeypatch.setattr(scam.functional, "scaled_dot_product_attention", counted)
    given = [torch.randn(1, 4, 1331, 16) for _ in range(3)]
    scam.piecewise_attention(*given, 11)
    assert 0.5 * 1331**2 < sum(pairs) < 0.6 * 1331**2


def test_only_the_geometry_aware_scam_knows_where_channels_lie():
    waveforms, offsets_um = torch.randn(2, 5, 121), 20.0 * torch.randn(2, 5, 2)
    plain, aware = encoder("scam", 5, n_layers=2), encoder("scam", 5, n_layers=2, geometry=True)
    assert torch.equal(plain(waveforms, offsets_um), plain(waveforms, 2 * offsets_um))
    assert not torch.allclose(aware(waveforms, offsets_um), aware(waveforms, 2 * offsets_um))


def test_the_loss_is_that_of_its_definition():
    from simsort.ceed.loss import info_nce

    rng = np.random.default_rng(0)
    views = rng.standard_normal((2, 7, 5))
    flat = views.reshape(14, 5) / np.linalg.norm(views.reshape(14, 5), axis=1, keepdims=True)
    likeness = np.exp(flat @ flat.T / 0.2)
    wanted = np.mean([-np.log(likeness[i, (i + 7) % 14] / (likeness[i].sum() - likeness[i, i])) for i in range(14)])
    assert float(info_nce(*torch.as_tensor(views), 0.2)) == pytest.approx(wanted, rel=1e-5)
    same = torch.as_tensor(views[0])
    assert info_nce(same, same, 0.2) < info_nce(same, same.flip(0), 0.2)


def test_scores_know_good_embeddings_from_useless_ones():
    from simsort.ceed.scores import scores_of

    rng = np.random.default_rng(1)
    unit = np.repeat(np.arange(4), 60)
    good = 12 * np.eye(5)[unit] + rng.standard_normal((240, 5))
    found = scores_of(good, unit, n_fits=8, automatic=True)
    assert found["knn"] == 1.0 and found["k"] == 4 and found["ari_automatic"] > 0.95
    assert found["ari"] > 0.6 and 0 <= found["ari_sd"] < 0.4
    useless = scores_of(rng.standard_normal((240, 5)), unit, n_fits=8)
    assert useless["ari"] < 0.1 and useless["knn"] < 0.5


def test_the_shipped_weights_are_small_and_tell_units_apart(spikes):
    """Of formula-made spikes, never seen in training, embedded on the channels that the weights take."""
    from dataclasses import replace

    from simsort.celltypes.head import FOLDER as HEAD
    from simsort.ceed.embed import embed
    from simsort.ceed.scores import knn_accuracy
    from simsort.models.ceed_folder import load_ceed
    from simsort.models.shipped import CEED_FOLDER

    assert sum(file.stat().st_size for folder in (CEED_FOLDER, HEAD) for file in folder.iterdir()) < 10_000_000
    model = load_ceed()
    wide = np.zeros((len(spikes), model.form.n_wide, 121), dtype=np.float32)
    wide[:, 6:15] = spikes.waveforms
    rows = np.zeros((len(spikes.is_there), model.form.n_wide, 2), dtype=np.float32)
    embedding = embed(model.encoder, replace(spikes, form=model.form, waveforms=wide, offsets_um=rows))
    assert embedding.shape == (240, 5)
    assert knn_accuracy(embedding[::2], spikes.unit[::2], embedding[1::2], spikes.unit[1::2]) > 0.5, "by chance 0.17"


def test_a_folder_keeps_an_encoder(tmp_path):
    from simsort.errors import UserError
    from simsort.models.ceed_folder import load_ceed, save_ceed
    from simsort.models.model_folder import load_model

    net = encoder("scam", 5, n_layers=2, geometry=True)
    save_ceed(tmp_path / "model", net, {"data": {"units": 6}})
    model = load_ceed(tmp_path / "model")
    waveforms, offsets_um = torch.randn(2, 5, 121), torch.randn(2, 5, 2)
    assert torch.equal(model.encoder(waveforms, offsets_um), net(waveforms, offsets_um))
    assert model.form == net.form and model.note["architecture"] == "ceed-scam"
    card = (tmp_path / "model" / "MODEL_CARD.md").read_text()
    assert "SCAM" in card and "units: 6" in card
    with pytest.raises(UserError, match="holds no detector"):
        load_model(tmp_path / "model")
    (tmp_path / "model" / "encoder.safetensors").write_bytes(b"broken")
    with pytest.raises(UserError, match="damaged or was changed"):
        load_ceed(tmp_path / "model")
