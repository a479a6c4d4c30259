"""SECURITY.md's promises that can be read off the sources and the configuration."""

import ast
import re

import pytest

from workflow_runs import REPO

SOURCES = sorted((REPO / "scripts/simsort").rglob("*.py"))
RUNS_WHAT_IT_READS = {"pickle.load", "pickle.loads", "dill.load", "dill.loads", "joblib.load", "cloudpickle.load",
                      "cloudpickle.loads", "pandas.read_pickle", "pd.read_pickle", "os.system", "os.popen", "marshal.loads",
                      "yaml.load", "yaml.unsafe_load", "eval", "exec", "subprocess.getoutput"}


def calls(path):
    """Every call of a file: its name as written, and its keywords."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}


def dangers(path):
    """What a file does that would run what it reads."""
    for node, name, keywords in calls(path):
        safe_yaml = name == "yaml.load" and "Safe" in keywords.get("Loader", "")
        if name in RUNS_WHAT_IT_READS and not safe_yaml:
            yield node.lineno, name
        if keywords.get("shell") == "True" or keywords.get("allow_pickle", "False") != "False":
            yield node.lineno, f"{name}({keywords})"
        if name == "torch.load" and keywords.get("weights_only") != "True":
            yield node.lineno, "torch.load without weights_only"


def test_nothing_that_is_read_is_run():
    assert len(SOURCES) > 200
    assert [(str(path.relative_to(REPO)), *danger) for path in SOURCES for danger in dangers(path)] == []


@pytest.mark.parametrize("line", ["import pickle\npickle.load(f)", "np.load(p, allow_pickle=True)", "torch.load(p)",
                                  "subprocess.run(c, shell=True)", "yaml.load(t)", "eval(t)", "dill.loads(b)"])
def test_the_search_finds_what_it_looks_for(tmp_path, line):
    (tmp_path / "bad.py").write_text(line + "\n")
    assert list(dangers(tmp_path / "bad.py"))


def test_pages_escape_what_they_are_given():
    for path in SOURCES:
        for _, name, keywords in calls(path):
            if name.endswith("jinja2.Environment") or name == "Environment" or name.endswith(".Markup"):
                assert keywords.get("autoescape") == "True", path
    for template in (REPO / "scripts/simsort").rglob("templates/*"):
        text = template.read_text(errors="replace").replace(" ", "")
        # Plotly's own HTML, in which it writes < as \u003c in every text.
        assert "|safe" not in text.replace("{{plot|safe}}", "" if template.name == "quality.html" else "-"), template


def test_plotly_keeps_the_texts_of_its_figures_out_of_html():
    plotly = pytest.importorskip("plotly")
    import plotly.graph_objects as go

    figure = go.Figure(go.Scatter(x=[0], y=[0], name="</script><script>alert(1)</script>"))
    assert "<script>alert(1)" not in plotly.io.to_html(figure, full_html=False, include_plotlyjs=False)


def test_containers_do_not_see_the_home_folder():
    config = (REPO / "nextflow_slurm.config").read_text()
    options = re.findall(r"runOptions\s*=\s*(.+)", config)
    assert len(options) == 2 and all("--no-home" in line for line in options)  # apptainer and singularity
    for script in [*(REPO / "environment").glob("*.sh"), *(REPO / "containers").glob("*.sh")]:
        for line in script.read_text().replace("\\\n", " ").splitlines():
            if re.search(r"(apptainer|singularity|CONTAINER_ENGINE\") exec", line):
                assert "--no-home" in line or "--containall" in line, f"{script.name}: {line}"


def test_nothing_is_made_readable_beyond_the_umask():
    for path in SOURCES:
        if "peers" in path.parts:  # environments of other simulators, below a benchmark's own folder
            continue
        for node, name, _ in calls(path):
            if name.endswith(".chmod"):
                assert not re.search(r"0o7[0-7][1-7]|0o6[0-7][1-7]|0o644|0o755|420|493", ast.unparse(node.args[-1])), path


def test_the_threat_model_names_its_tests():
    text = (REPO / "SECURITY.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)`", text)
    assert len(named) > 8
    for name in named:
        assert (REPO / name).is_file(), name
