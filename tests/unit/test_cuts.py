"""Lines drawn around spikes: which are inside, and what the parts are called."""

import numpy as np
import pytest

from simsort.applying.cut_units import part_names, within
from simsort.curation.choices import read_choices
from simsort.errors import UserError

@pytest.mark.parametrize("seed", range(5))
def test_inside_a_triangle_is_on_one_side_of_all_its_edges(seed):
    rng = np.random.default_rng(seed)
    polygon = np.column_stack([rng.uniform(0, 100, 3), rng.uniform(-300, 0, 3)])
    points = np.column_stack([rng.uniform(0, 100, 500), rng.uniform(-300, 0, 500)])
    edges = np.roll(polygon, -1, axis=0) - polygon
    sides = [np.sign(edge[0] * (points[:, 1] - start[1]) - edge[1] * (points[:, 0] - start[0]))
             for start, edge in zip(polygon, edges)]
    np.testing.assert_array_equal(within(*points.T, polygon.tolist()), np.abs(np.sum(sides, axis=0)) == 3)


def test_a_line_that_crosses_itself_counts_the_crossings():
    bow = [[0, 0], [2, 2], [2, 0], [0, 2]]
    x, y = np.array([0.5, 1.0, 1.5]), np.array([1.0, 1.8, 1.0])
    np.testing.assert_array_equal(within(x, y, bow), [True, False, True])


def test_parts_get_names_that_are_free():
    assert part_names(4, {"0", "4", "10"}) == [11, 12]
    assert part_names("a", {"a", "a-1"}) == ["a-2", "a-3"]


@pytest.mark.parametrize("cut, said", [
    ({"unit_id": 1, "polygon": [[0, 0], [1, float("nan")], [1, 1]]}, "encloses nothing"),
    ({"unit_id": 1, "polygon": [[0, 0], [1, "x"], [1, 1]]}, "encloses nothing"),
    ({"unit_id": 1, "polygon": [[0, 0], [0, 1], [1, 1]], "labels": [{"quality": ["odd"]}, {}]}, "undefined"),
    ({"unit_id": 1, "polygon": [[0, 0], [0, 1], [1, 1]], "labels": [{}]}, "1 parts"),
    ({"unit_id": 9, "polygon": [[0, 0], [0, 1], [1, 1]]}, "unit '9'"), ({"unit_id": 1}, "no curation that can be read")])
def test_what_is_no_cut_is_refused(cut, said):
    with pytest.raises(UserError, match=said):
        read_choices({"format_version": "2", "simsort": {"cuts": [cut]}}, [0, 1, 2])
