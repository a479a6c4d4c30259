"""Generated morphologies are trees whatever the seed, and individuals differ."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simsort.simulation.cells.cell_types import CELL_TYPES
from simsort.simulation.cells.morphology import generate_morphology

PYRAMIDS = [name for name, kind in CELL_TYPES.items() if any(tree.region == "apical" for tree in kind.trees)]


def morphology(name, seed):
    return generate_morphology(CELL_TYPES[name], np.random.default_rng(seed))


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(sorted(CELL_TYPES)), seed=st.integers(0, 2**32 - 1))
def test_any_seed_gives_a_tree(name, seed):
    sections = morphology(name, seed).sections
    soma = sections[0]
    assert soma.parent == -1 and soma.region == "soma"
    np.testing.assert_allclose(soma.start_um + soma.end_um, 0, atol=1e-9)
    for index, section in enumerate(sections[1:], start=1):
        assert 0 <= section.parent < index
        assert section.start_diameter_um > 0 and section.end_diameter_um > 0
        assert np.linalg.norm(section.end_um - section.start_um) > 1
        if section.parent > 0:
            np.testing.assert_allclose(section.start_um, sections[section.parent].end_um, atol=1e-9)
    assert 20 <= len(sections) <= 110


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(PYRAMIDS), seed=st.integers(0, 2**32 - 1))
def test_apical_dendrites_of_pyramids_point_up(name, seed):
    apical = [section for section in morphology(name, seed).sections if section.region == "apical"]
    assert max(section.end_um[1] for section in apical) > 120
    assert np.mean([section.end_um[1] for section in apical]) > 50


@pytest.mark.parametrize("name", sorted(CELL_TYPES))
def test_individuals_differ_and_a_seed_repeats(name):
    drawn = [morphology(name, seed) for seed in range(6)]
    lengths = [one.total_length_um() for one in drawn]
    somata = [one.sections[0].start_diameter_um for one in drawn]
    assert np.std(lengths) / np.mean(lengths) > 0.03
    assert np.std(somata) / np.mean(somata) > 0.03
    assert len({len(one.sections) for one in drawn}) > 1
    assert morphology(name, 3).total_length_um() == lengths[3]


def test_daughters_follow_the_three_halves_power_law():
    sections = morphology("L23_PC", 1).sections
    for index, section in enumerate(sections):
        daughters = [other for other in sections if other.parent == index]
        widths = [other.start_diameter_um for other in daughters]
        if section.region == "dendrite" and len(daughters) == 2 and min(widths) > 0.41:
            assert sum(width**1.5 for width in widths) == pytest.approx(section.end_diameter_um**1.5)
