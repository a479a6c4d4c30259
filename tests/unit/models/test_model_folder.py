"""Model folders: what is written is read, and what is no model is refused in a line."""

import json
import os
import stat

import pytest

from simsort.errors import UserError

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")


@pytest.fixture
def folder(tmp_path):
    """A small model with made-up scores."""
    from simsort.models.detector import Detector, DetectorConfig
    from simsort.models.encoder import Encoder, EncoderConfig
    from simsort.models.input_form import InputForm
    from simsort.models.model_folder import save_model

    torch.manual_seed(0)
    form = InputForm(n_samples=32, n_before=12)
    detector, encoder = Detector(form, DetectorConfig(width=16)), Encoder(form, EncoderConfig(width=16))
    save_model(tmp_path / "model", detector, encoder, form,
               {"training": {"seed": 3}, "scores": {"held out": {"detection_f1": 0.5}}})
    return tmp_path / "model"


def test_a_model_comes_back(folder):
    from simsort.models.model_folder import load_model, save_model

    model = load_model(folder)
    assert model.form.n_samples == 32 and model.form.band_hz == (300.0, 6000.0)
    assert model.note["training"] == {"seed": 3}
    assert not model.detector.training and not any(value.requires_grad for value in model.encoder.parameters())
    again = folder.parent / "again"
    save_model(again, model.detector, model.encoder, model.form, {})
    for name in ("detector.safetensors", "encoder.safetensors"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    assert "| detection, F1 at the best threshold | 0.500 |" in (folder / "MODEL_CARD.md").read_text()


def test_the_published_networks_come_back(tmp_path):
    from simsort.models.model_folder import load_model, save_model
    from simsort.models.paper import PAPER_FORM, PaperDetector, PaperDetectorConfig, PaperEncoder, PaperEncoderConfig

    save_model(tmp_path, PaperDetector(PAPER_FORM, PaperDetectorConfig(width=16, hidden=16)),
               PaperEncoder(PAPER_FORM, PaperEncoderConfig(width=16)), PAPER_FORM, {})
    assert load_model(tmp_path).note["architecture"] == "paper"


def damage_note(folder, **changes):
    note = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(note | changes))


MISTAKES = {
    "no folder": (lambda f: f.rename(f.parent / "elsewhere"), "there is no model folder"),
    "no note": (lambda f: (f / "model.json").unlink(), "model.json is missing"),
    "other weights": (lambda f: (f / "encoder.safetensors").write_bytes((f / "detector.safetensors").read_bytes()),
                      "has not the checksum in model.json"),
    "no weights": (lambda f: (f / "encoder.safetensors").unlink(), "encoder.safetensors is missing"),
    "cut weights": (lambda f: (f / "detector.safetensors").write_bytes((f / "detector.safetensors").read_bytes()[:900]),
                    "detector.safetensors is damaged"),
    "other weights, no checksum": (lambda f: (damage_note(f, sha256={}), (f / "encoder.safetensors").write_bytes(
        (f / "detector.safetensors").read_bytes())), "of another network"),
    "cut note": (lambda f: (f / "model.json").write_text('{"format": 1'), "model.json is damaged"),
    "a list": (lambda f: (f / "model.json").write_text("[]"), "model.json is damaged"),
    "empty note": (lambda f: (f / "model.json").write_text('{"format": 1}'), "model.json is damaged"),
    "other version": (lambda f: damage_note(f, format=99), "format 99, this version reads format 1"),
    "unknown architecture": (lambda f: damage_note(f, architecture="magic"), "model.json is damaged"),
    "unknown size": (lambda f: damage_note(f, detector={"config": {"depth": 3}}), "model.json is damaged"),
    "pickle inside": (lambda f: ((f / "model.json").unlink(), (f / "weights.pt").touch()), "pickled model"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_no_model_is_refused(folder, mistake):
    from simsort.models.model_folder import load_model

    change, words = MISTAKES[mistake]
    change(folder)
    with pytest.raises(UserError, match=words) as raised:
        load_model(folder)
    assert "\n" not in str(raised.value)


def test_others_may_read_what_the_umask_lets_them(folder):
    from simsort.models.model_folder import share

    before = os.umask(0o027)
    try:
        share(folder / "encoder.safetensors")
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "encoder.safetensors").stat().st_mode) == 0o640


def test_a_pickle_is_never_opened(tmp_path):
    from simsort.models.model_folder import load_model

    torch.save({"weights": torch.zeros(2)}, tmp_path / "model.pt")
    with pytest.raises(UserError, match="pickled model"):
        load_model(tmp_path / "model.pt")
