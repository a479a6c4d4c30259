"""Reading a curation of any form: every row of what SpikeInterface's own reader fails on, and what must be refused."""

import json

import pytest

from simsort.curation.choices import parse_json, read_choices
from simsort.curation.curation_file import automatic_curation, combine, curation_dict
from simsort.errors import UserError

IDS = {"integers": [0, 1, 2, 3, 10], "strings": ["0", "1", "2", "3", "10"]}


@pytest.fixture(params=list(IDS))
def unit_ids(request):
    """The same units with integer and with string ids."""
    return IDS[request.param]


def check_valid(choices, unit_ids):
    """Whatever was read, format 2 of it is SpikeInterface's and reads back the same."""
    from spikeinterface.curation.curation_model import Curation

    written = json.loads(json.dumps(curation_dict(unit_ids, choices, {})))
    Curation(**written)
    again = read_choices(written, unit_ids)
    assert (again.merges, again.removed) == (choices.merges, choices.removed)


def figpack(inner):
    return {"annotations": {"/": {"sorting_curation": json.dumps(inner)}}}


# (what sortingview or figpack writes, labels expected, merges expected): the failure table of SpikeInterface 0.105.3
CASES = {
    "labels and merges": ({"labelsByUnit": {"0": ["good"], "1": ["noise"]}, "mergeGroups": [["2", "3"]]},
                          {0: ["good"], 1: ["noise"]}, [[2, 3]]),
    "merge groups of integers": ({"labelsByUnit": {"0": ["good"], "1": ["MUA"]}, "mergeGroups": [[2, 3]]},
                                 {0: ["good"], 1: ["MUA"]}, [[2, 3]]),
    "merges only": ({"mergeGroups": [["2", "3"]]}, {}, [[2, 3]]),
    "no labels": ({"labelsByUnit": {}, "mergeGroups": [["2", "3"]]}, {}, [[2, 3]]),
    "labels only": ({"labelsByUnit": {"3": ["good"], "0": ["noise"]}}, {3: ["good"], 0: ["noise"]}, []),
    "empty": ({}, {}, []),
    "one label only": ({"labelsByUnit": {"0": ["good"], "1": ["good"]}}, {0: ["good"], 1: ["good"]}, []),
    "two labels on a unit": ({"labelsByUnit": {"0": ["mua", "artifact"]}}, {0: ["MUA", "artifact"]}, []),
    "labelled with unlabelled": ({"labelsByUnit": {"2": ["good"]}, "mergeGroups": [["2", "3"]]}, {2: ["good"]},
                                 [[2, 3]]),
    "id 10 is not 1": ({"labelsByUnit": {"10": ["noise"]}}, {10: ["noise"]}, []),
    "closed": ({"labelsByUnit": {"0": ["x"]}, "isClosed": True}, {0: ["x"]}, []),
    "figpack": (figpack({"labelChoices": ["good"], "labelsByUnit": {"0": ["good"]}, "mergeGroups": [["2", "3"]]}),
                {0: ["good"]}, [[2, 3]]),
}


@pytest.mark.parametrize("case", list(CASES))
def test_what_figurl_and_figpack_write(case, unit_ids):
    content, labels, merges = CASES[case]
    choices = read_choices(content, unit_ids)
    kind = type(unit_ids[0])
    assert choices.labels == {kind(unit): {"quality": given} for unit, given in labels.items()}
    assert [m["unit_ids"] for m in choices.merges] == [[kind(unit) for unit in group] for group in merges]
    assert all(label in choices.definitions["quality"]["label_options"] for given in labels.values() for label in given)
    check_valid(choices, unit_ids)


def test_spikeinterface_s_formats_1_and_2(unit_ids):
    kind = type(unit_ids[0])
    definitions = {"quality": {"label_options": ["good", "noise"], "exclusive": True}}
    first = {"format_version": "1", "unit_ids": [0, 1, 2, 3, 10], "label_definitions": definitions,
             "manual_labels": [{"unit_id": 1, "quality": ["good"]}], "merge_unit_groups": [[2, 3]],
             "removed_units": [10]}
    second = {"format_version": "2", "unit_ids": ["0", "1", "2", "3", "10"], "label_definitions": definitions,
              "manual_labels": [{"unit_id": "1", "labels": {"quality": ["good"]}}], "removed": ["10"],
              "merges": [{"unit_ids": ["2", "3"], "new_unit_id": "77"}],
              "splits": [{"unit_id": "0", "mode": "indices", "indices": [[0, 1]]}]}
    for content, new in ((first, None), (second, "77")):
        choices = read_choices(content, unit_ids)
        assert choices.labels == {kind(1): {"quality": ["good"]}} and choices.removed == [kind(10)]
        assert choices.merges == [{"unit_ids": [kind(2), kind(3)], "new_unit_id": new}]
        check_valid(choices, unit_ids)
    assert choices.splits[0]["unit_id"] == kind(0)


@pytest.mark.parametrize("content, said", [
    ({"labelsByUnit": {"99": ["good"]}}, "unit '99', which the sorting does not have"),
    ({"mergeGroups": [["0", "1"], ["1", "2"]]}, "unit 1 merged and again merged"),
    ({"mergeGroups": [["0"]]}, "merges unit 0 with nothing"),
    ({"mergeGroups": [["0", "0"]]}, "merges unit 0 with nothing"),
    ({"mergeGroups": "all"}, "where a list is expected"),
    ({"labelsByUnit": {"0": "good"}}, "where a list is expected"),
    ({"labelsByUnit": {"0": [5]}}, "where a text is expected"),
    ({"labelsByUnit": {"0": ["x" * 3000]}}, "where a text is expected"),
    ({"labelsByUnit": ["0"]}, "no curation that can be read"),
    ({"mergeGroups": [[True, 1]]}, "no unit id"),
    ({"hello": 1}, "is no curation"),
    ({"format_version": "7", "unit_ids": []}, "unknown format_version '7'"),
    ({"format_version": "2", "merges": [{"unit_ids": [0, 1]}], "removed": [1]}, "unit 1 merged and removed"),
    ({"format_version": "2", "merges": [{"unit_ids": [0, 1], "new_unit_id": 2}]}, "which another unit is called"),
    ({"format_version": "2", "manual_labels": [{"unit_id": 0, "labels": {"quality": ["good"]}}]}, "undefined kind"),
    ({"format_version": "2", "label_definitions": {"q": {"label_options": ["a", "b"], "exclusive": True}},
      "manual_labels": [{"unit_id": 0, "labels": {"q": ["a", "b"]}}]}, "several q labels"),
    ({"format_version": "2", "label_definitions": {"q": {"label_options": ["a", "b"]}},
      "manual_labels": [{"unit_id": 0, "labels": {"q": ["c"]}}]}, "undefined q label 'c'"),
    ({"annotations": {"/": {}}}, "holds 0 curations"),
])
def test_what_contradicts_itself_is_refused(content, said):
    with pytest.raises(UserError, match="(?s).*") as error:
        read_choices(content, IDS["integers"])
    assert said in str(error.value)


@pytest.mark.parametrize("content, said", [
    (b'{"labelsByUnit": {"0": ["go', "cut off or edited by hand"), (b"[1, 2]", "holds a list"),
    (b"\xff\xfe\x00", "no text file"),
    (b"", "line 1, column 1"), (b"[" * 100_000, "cut off|nested too deeply")])
def test_damaged_files(content, said):
    with pytest.raises(UserError) as error:
        parse_json(content)
    assert any(part in str(error.value) for part in said.split("|"))


def test_a_partial_file_leaves_the_other_units_as_they_were():
    current = read_choices(automatic_curation([0, 1, 2], ["pass", "fail", "pass"]), [0, 1, 2])
    partial = combine(read_choices({"labelsByUnit": {"0": ["noise"]}}, [0, 1, 2]), current)
    assert partial.labels[0] == {"default_qc_label": ["pass"], "quality": ["noise"]}
    assert partial.labels[2] == {"default_qc_label": ["pass"], "quality": ["good"]}
    whole = automatic_curation([0, 1, 2], ["pass", "fail", "pass"]) | {"manual_labels": []}
    assert combine(read_choices(whole, [0, 1, 2]), current).labels == {
        unit: {"default_qc_label": [label]} for unit, label in enumerate(("pass", "fail", "pass"))}
