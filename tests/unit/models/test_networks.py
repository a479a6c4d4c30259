"""The networks know channels by their coordinates only."""

import pytest

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def networks():
    from simsort.models.detector import Detector, DetectorConfig
    from simsort.models.encoder import Encoder, EncoderConfig
    from simsort.models.input_form import InputForm

    torch.manual_seed(0)
    form = InputForm()
    return Detector(form, DetectorConfig()).eval(), Encoder(form, EncoderConfig()).eval()


@pytest.fixture
def events():
    """Snippets, offsets and which channels are there: 5 events of up to 8 channels, padded to 12."""
    generator = torch.Generator().manual_seed(1)
    snippets = torch.randn(5, 12, 64, generator=generator) * 4
    offsets_um = torch.rand(5, 12, 2, generator=generator) * 80
    is_there = torch.arange(12) < torch.tensor([8, 5, 3, 1, 8])[:, None]
    offsets_um[:, 0] = 0.0
    return snippets * is_there[:, :, None], offsets_um * is_there[:, :, None], is_there


def answers(networks, *given):
    with torch.inference_mode():
        return [part for network in networks for part in network(*given)]


def agree(some, others):
    return all(torch.allclose(one, other, atol=1e-4) for one, other in zip(some, others))


def test_shapes(networks, events):
    logit, shift, local, identity = answers(networks, *events)
    assert logit.shape == shift.shape == (5,) and local.shape == identity.shape == (5, 16)


def test_the_order_of_neighbours_changes_nothing(networks, events):
    snippets, offsets_um, is_there = events
    order = torch.tensor([0, 4, 2, 7, 1, 6, 3, 5, 8, 9, 10, 11])  # the event's own channel stays first
    reordered = snippets[:, order], offsets_um[:, order], is_there[:, order]
    assert agree(answers(networks, *events), answers(networks, *reordered))


def test_what_is_not_there_changes_nothing(networks, events):
    snippets, offsets_um, is_there = events
    padded = torch.where(is_there[:, :, None], snippets, torch.tensor(99.0))
    assert agree(answers(networks, *events), answers(networks, padded, offsets_um, is_there))
    assert agree(answers(networks, *events), answers(networks, *(part[:, :8] for part in events)))


def test_other_events_change_nothing(networks, events):
    alone = [answers(networks, *(part[index:index + 1] for part in events)) for index in range(5)]
    assert agree(answers(networks, *events), [torch.cat(parts) for parts in zip(*alone)])


def test_places_matter(networks, events):
    snippets, offsets_um, is_there = events
    assert not agree(answers(networks, *events), answers(networks, snippets, offsets_um * 0.5, is_there))


def test_the_published_networks_have_the_published_sizes():
    from simsort.models.paper import PAPER_FORM, PaperDetector, PaperDetectorConfig, PaperEncoder, PaperEncoderConfig

    detector, encoder = PaperDetector(PAPER_FORM, PaperDetectorConfig()), PaperEncoder(PAPER_FORM, PaperEncoderConfig())
    sizes = [sum(value.numel() for value in network.parameters()) for network in (detector, encoder)]
    assert [round(size / 1e6, 2) for size in sizes] == [3.16, 0.80]
    with torch.inference_mode():
        assert detector(torch.zeros(2, 4, 100)).shape == (2, 100)
        assert encoder(torch.randn(9, 4, 60)).shape == (9, 512)
