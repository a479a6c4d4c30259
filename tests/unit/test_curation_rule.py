"""The quality rule: what it reads, what it refuses and what it says of a unit."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simsort.config.parameters import resolve
from simsort.config.stages import Curation
from simsort.curation.labels import judge
from simsort.curation.rule import METRIC_COLUMNS, OPERATORS, Condition, parse_rule
from simsort.errors import UserError

DEFAULT = Curation().rule
GOOD = {"isi_violations_ratio": 0.1, "presence_ratio": 0.95, "amplitude_cutoff": 0.01}

conditions = st.builds(Condition, metric=st.sampled_from(METRIC_COLUMNS), operator=st.sampled_from(list(OPERATORS)),
                       threshold=st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.15g}")))


def test_default_rule_is_the_workshops():
    assert parse_rule(DEFAULT) == (Condition("isi_violations_ratio", "<", 0.5), Condition("presence_ratio", ">", 0.8),
                                   Condition("amplitude_cutoff", "<", 0.1))


@pytest.mark.parametrize("text, expected", [
    ("snr>5", ("snr", ">", 5.0)), ("  snr >= 5.  ", ("snr", ">=", 5.0)), ("snr <= .5", ("snr", "<=", 0.5)),
    ("num_spikes == 1e3", ("num_spikes", "==", 1000.0)), ("amplitude_median != -30", ("amplitude_median", "!=", -30.0)),
])
def test_forms_of_one_condition(text, expected):
    assert parse_rule(text) == (Condition(*expected),)


@given(st.lists(conditions, min_size=1, max_size=6), st.sampled_from([" and ", " AND ", "  and\t"]))
def test_a_rule_written_out_reads_back(rule, joint):
    assert parse_rule(joint.join(map(str, rule))) == tuple(rule)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_by_a_user_error(text):
    try:
        assert parse_rule(text)
    except UserError as error:
        assert "--curation.rule" in error.what


@pytest.mark.parametrize("text, place", [
    ("", "at its end"), ("snr", "at its end"), ("snr <", "at its end"), ("snr < 5 and", "at its end"),
    ("snr < 5 or presence_ratio > 1", "'or presence_ratio > 1' (character 9)"), ("snr < 5x", "'5x' (character 7)"),
    ("snr < presence_ratio", "'presence_ratio' (character 7)"), ("5 < snr", "'5 < snr' (character 1)"),
    ("(snr < 5)", "(character 1)"), ("snr = 5", "'= 5' (character 5)"), ("snr < 5; import os", "(character 8)"),
    ("snr < 5 and and < 3", "'and < 3' (character 13)"), ("snr < 5 snr > 3", "'snr > 3' (character 9)"),
    ("not snr < 5", "'snr < 5' (character 5)"), ("snr < nan", "'nan' (character 7)"),
])
def test_syntax_errors_show_the_place(text, place):
    with pytest.raises(UserError) as caught:
        parse_rule(text)
    assert place in caught.value.what


def test_an_unknown_metric_names_those_available():
    with pytest.raises(UserError) as caught:
        parse_rule("snr > 5 and isi_violation_ratio < 0.5")
    assert "'isi_violation_ratio'" in caught.value.what
    assert "did you mean isi_violations_ratio?" in caught.value.remedy
    assert all(name in caught.value.remedy for name in METRIC_COLUMNS)


def test_check_params_reads_the_rule():
    with pytest.raises(UserError, match="unknown metric 'snrr'"):
        resolve({"curation_args": "--rule 'snrr > 5'"})


def test_metric_names_are_those_the_analyzer_has():
    from spikeinterface.metrics.quality.quality_metrics import ComputeQualityMetrics
    from spikeinterface.metrics.template.template_metrics import ComputeTemplateMetrics

    from simsort.config.stages import METRICS
    from simsort.postprocessing.quality_metrics import OWN_METRICS

    quality = ComputeQualityMetrics.get_metric_columns([name for name in METRICS if name not in OWN_METRICS])
    own = [column for metric in OWN_METRICS.values() for column in metric.metric_columns]
    assert sorted(METRIC_COLUMNS) == sorted([*quality, *own, *ComputeTemplateMetrics.get_metric_columns()])


def test_a_unit_that_meets_every_condition_passes():
    verdict = judge(parse_rule(DEFAULT), GOOD)
    assert (verdict.label, verdict.default_qc, verdict.reasons, verdict.unknown) == ("pass", True, (), ())


def test_a_unit_fails_with_the_reason():
    verdict = judge(parse_rule(DEFAULT), GOOD | {"presence_ratio": 0.5})
    assert (verdict.label, verdict.default_qc) == ("fail", False)
    assert verdict.reasons == ("presence_ratio 0.5, not > 0.8",)


@pytest.mark.parametrize("missing", [math.nan, None, math.inf, -math.inf])
def test_unknown_neither_passes_nor_fails(missing):
    assert judge(parse_rule(DEFAULT), GOOD | {"presence_ratio": missing}).label == "pass"
    assert judge(parse_rule(DEFAULT), GOOD | {"presence_ratio": missing}).unknown == ("presence_ratio",)
    failing = judge(parse_rule(DEFAULT), GOOD | {"presence_ratio": missing, "amplitude_cutoff": 0.3})
    assert (failing.label, failing.unknown) == ("fail", ("presence_ratio",))


def test_nothing_known_is_unknown_and_does_not_pass():
    verdict = judge(parse_rule(DEFAULT), {"snr": 3.0})
    assert (verdict.label, verdict.default_qc, verdict.reasons) == ("unknown", False, ())
    assert verdict.unknown == ("isi_violations_ratio", "presence_ratio", "amplitude_cutoff")


@given(st.lists(conditions, min_size=1, max_size=5),
       st.dictionaries(st.sampled_from(METRIC_COLUMNS), st.floats(allow_nan=True), max_size=10))
def test_verdict_follows_the_known_conditions_only(rule, values):
    known = [OPERATORS[c.operator](values[c.metric], c.threshold) for c in rule
             if math.isfinite(values.get(c.metric, math.nan))]
    expected = "unknown" if not known else "pass" if all(known) else "fail"
    assert judge(tuple(rule), values).label == expected


def test_the_document_defines_every_metric():
    from simsort.config.stages import METRICS
    from workflow_runs import REPO

    rows = [line.split("|")[1] for line in (REPO / "docs/quality.md").read_text().splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in row.replace("`", "").replace(",", " ").split()} >= set(METRICS)
