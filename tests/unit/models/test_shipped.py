"""Which model is meant, and what the package's own weights are."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")
from simsort.errors import UserError  # noqa: E402
from simsort.models import shipped  # noqa: E402
from simsort.models.model_folder import load_model  # noqa: E402

MOST_BYTES = 25e6


def small_model(folder):
    from simsort.models.detector import Detector, DetectorConfig
    from simsort.models.encoder import Encoder, EncoderConfig
    from simsort.models.input_form import InputForm
    from simsort.models.model_folder import save_model

    form = InputForm()
    save_model(folder, Detector(form, DetectorConfig(width=8, n_layers=1)),
               Encoder(form, EncoderConfig(width=8, n_layers=1)), form, {})
    return folder


def test_a_folder_is_itself(tmp_path):
    assert shipped.find_model(small_model(tmp_path / "model")) == (tmp_path / "model").resolve()


def test_the_shipped_model_is_the_default(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", small_model(tmp_path / "default"))
    assert shipped.find_model() == shipped.find_model("shipped") == shipped.find_model(None) == tmp_path / "default"


def test_a_package_without_weights_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(UserError, match="no weights of its own"):
        shipped.find_model()


@pytest.mark.parametrize("make, words", [
    (lambda folder: None, "there is no model folder"),
    (lambda folder: (folder / "model").mkdir(), "model.json is missing"),
    (lambda folder: small_model(folder / "model") / "model.json", None),
])
def test_what_is_no_model_is_refused(tmp_path, make, words):
    note = make(tmp_path)
    if note is not None:
        note.write_text(note.read_text().replace('"format": 1', '"format": 99'))
        words = "format 99"
    with pytest.raises(UserError, match=words):
        shipped.find_model(tmp_path / "model")


def test_the_shipped_weights_are_whole_small_and_described():
    files = sorted(path.name for path in shipped.FOLDER.iterdir())
    assert files == ["MODEL_CARD.md", "detector.safetensors", "encoder.safetensors", "model.json"]
    assert sum(path.stat().st_size for path in shipped.FOLDER.iterdir()) < MOST_BYTES
    model = load_model(shipped.find_model())
    assert all(parameter.isfinite().all() for net in (model.detector, model.encoder) for parameter in net.parameters())
    assert set(model.note["sha256"]) == {"detector.safetensors", "encoder.safetensors"}  # and load_model compared them
    note, card = model.note, (shipped.FOLDER / "MODEL_CARD.md").read_text()
    assert note["made"]["machine"] and note["made"]["hours"] > 0 and note["data"]["recordings"] > 0
    assert note["data"]["spikes"] > 0 and note["data"]["seconds"] > 0 and len(note["scores"]) >= 1
    for words in (note["made"]["machine"], "hours:", "spikes:", "seconds:", "cells:", "detection, F1"):
        assert words in card, words
    assert all(scores["detection_f1"] > scores["threshold_f1"] for scores in note["scores"].values())
    scores = note["scores"]["held-out cells and probes, other recordings"]
    assert all(scores[name] > scores[f"{name}_pca"] for name in ("accuracy", "ari_kmeans", "ari_gmm"))
