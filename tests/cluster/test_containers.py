"""Naming, copying and error messages of the container scripts: no image is built here."""

import hashlib
import os
import re
import shutil
import signal as signals
import subprocess
import time
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
IMAGES = ("base", "spikeinterface", "gpu", "simulation")


@pytest.fixture
def checkout(tmp_path):
    """A copy of the container files, under a name with a space and a dollar, to be edited by a test."""
    root = tmp_path / "a copy $HOME"
    for folder in ("containers", "environment"):
        (root / folder).mkdir(parents=True)
        for source in (REPO / folder).iterdir():
            if source.is_file():
                shutil.copy(source, root / folder / source.name)
    return root


def run(script, *args, path=None, **environment):
    """Run a script of the checkout; variables given as None are removed from the environment."""
    settings = {"EPHYS_CONTAINER_DIR": None, **environment}
    if path is not None:
        settings["PATH"] = str(path)
    env = {**os.environ, **settings}
    env = {name: str(value) for name, value in env.items() if value is not None}
    command = [shutil.which("bash"), str(script), *map(str, args)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


def image_names(root):
    """Name of every image of a checkout, by kind."""
    output = run(root / "containers" / "build.sh", "--print").stdout
    return dict(zip(IMAGES, (Path(line).name for line in output.splitlines()), strict=True))


def assert_user_error(result, *words):
    """Exit status 2 and one line that holds all the words."""
    assert result.returncode == 2, result.stderr
    last_line = result.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last_line


def fake_image(folder, name, content=b"an image"):
    """A file in an image's place, with the checksum build.sh would write."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    (folder / f"{name}.sha256").write_text(f"{digest}  {name}\n")


def tool_folder(tmp_path):
    """A PATH folder with the system's basic tools: no apptainer, no debootstrap, no rsync, no pip."""
    folder = tmp_path / "bin"
    folder.mkdir()
    names = "awk bash basename cat chmod cp cut df dirname du flock grep id ln ls mkdir mktemp mv rm"
    for name in f"{names} sed sh sha256sum sleep tail touch".split():
        (folder / name).symlink_to(shutil.which(name))
    return folder


def write_program(path, text):
    """An executable script."""
    path.write_text(text)
    path.chmod(0o755)


def test_print_is_quick_and_needs_no_tools(checkout, tmp_path):
    start = time.monotonic()
    result = run(
        checkout / "containers" / "build.sh",
        "--print",
        "spikeinterface",
        path=tool_folder(tmp_path),
        EPHYS_CONTAINER_DIR=tmp_path / "my images",
    )
    assert result.returncode == 0, result.stderr
    image = Path(result.stdout.strip())
    assert image.parent == tmp_path / "my images"
    assert not image.parent.exists()
    assert time.monotonic() - start < 5


def test_default_folder_is_in_the_checkout(checkout):
    output = run(checkout / "containers" / "build.sh", "--print", "gpu").stdout
    assert Path(output.strip()).parent == checkout / "containers" / "images"


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("containers/base.def", {"base", "spikeinterface", "gpu", "simulation"}),
        ("containers/spikeinterface.def", {"spikeinterface"}),
        ("containers/requirements-gpu.txt", {"gpu"}),
        ("containers/simulation.def", {"simulation"}),
        ("containers/build.sh", set()),
    ],
)
def test_name_changes_with_what_the_image_is_made_of(checkout, file, changed):
    before = image_names(checkout)
    assert before == image_names(checkout)
    with (checkout / file).open("a") as stream:
        stream.write("\n# edited\n")
    after = image_names(checkout)
    assert {kind for kind in IMAGES if before[kind] != after[kind]} == changed


def test_lock_of_tests_and_tools_is_not_in_the_name(checkout):
    lock = checkout / "environment" / "constraints.txt"
    before = image_names(checkout)
    text = lock.read_text()
    images, mark, tools = text.partition("# --- not in the images")
    assert mark and "pytest==" in tools and "uv==" in images and "neuron==" in images
    lock.write_text(f"# a comment\n{images}{mark}{tools}new-test-tool==1.0\n")
    assert image_names(checkout) == before
    lock.write_text(text.replace("neuron==", "neuron==1"))
    assert {kind for kind, name in image_names(checkout).items() if name != before[kind]} == {"simulation"}
    lock.write_text(images.replace("uv==", "uv==1") + mark + tools)
    assert {kind for kind, name in image_names(checkout).items() if name == before[kind]} == {"base"}


def test_names_for_the_pipeline_are_current(checkout):
    names = image_names(REPO)
    config = (REPO / "containers" / "images.config").read_text()
    for kind in IMAGES[1:]:
        assert f"= '{names[kind]}'" in config, "run containers/build.sh --config and commit its result"
    assert run(checkout / "containers" / "build.sh", "--config").returncode == 0
    assert (checkout / "containers" / "images.config").read_text() == config


def test_names_do_not_depend_on_the_place(checkout):
    assert image_names(checkout) == image_names(REPO)


def test_check_names_the_missing_image_and_the_remedy(checkout, tmp_path):
    build = checkout / "containers" / "build.sh"
    result = run(build, "--check", "gpu", EPHYS_CONTAINER_DIR=tmp_path)
    assert_user_error(result, image_names(checkout)["gpu"], "containers/build.sh gpu")
    fake_image(tmp_path, image_names(checkout)["gpu"])
    assert run(build, "--check", "gpu", EPHYS_CONTAINER_DIR=tmp_path).returncode == 0


def test_missing_container_tool_is_named(checkout, tmp_path):
    path = tool_folder(tmp_path)
    build = checkout / "containers" / "build.sh"
    result = run(build, "base", path=path, EPHYS_CONTAINER_DIR=tmp_path / "images")
    assert_user_error(result, "apptainer", "singularity", "containers/pull.sh")


def test_missing_ingredient_is_named(checkout):
    (checkout / "environment" / "constraints.txt").unlink()
    result = run(checkout / "containers" / "build.sh", "--print", "gpu")
    assert_user_error(result, "constraints.txt", "git")


@pytest.mark.parametrize("arguments", [["cpu"], ["--prnt"], ["base", "gpu"]])
def test_wrong_arguments_are_refused(checkout, arguments):
    result = run(checkout / "containers" / "build.sh", *arguments)
    assert_user_error(result, arguments[-1])


def test_requirements_hold_names_only_and_gpu_holds_what_sorting_needs():
    lists = {}
    for kind in IMAGES[1:]:
        lists[kind] = (REPO / "containers" / f"requirements-{kind}.txt").read_text().split("\n")[:-1]
        assert lists[kind] == sorted(set(lists[kind]))
        assert not [line for line in lists[kind] if set(line) & set(" =<>@[;/")]
    assert set(lists["gpu"]) - set(lists["spikeinterface"]) == {"kilosort", "medicine-neuro", "safetensors", "tensorboard",
                                                             "torch", "umap-learn"}
    # pages and archives are never made there, nor labels
    assert set(lists["spikeinterface"]) - set(lists["gpu"]) == {"nwbinspector", "plotly", "skops", "sortingview"}
    assert set(lists["simulation"]) - set(lists["spikeinterface"]) == {"neuron", "safetensors"}


def test_lock_has_exact_versions_of_everything_required():
    lock = (REPO / "environment" / "constraints.txt").read_text().splitlines()
    pins = [line.split("#")[0].strip() for line in lock]
    pins = dict(pin.split("==") for pin in pins if pin)  # fails on anything but name==version
    sections = re.split(r"^# --- (.*) ---$", (REPO / "environment" / "constraints.txt").read_text(), flags=re.MULTILINE)
    named = list(zip(["spikeinterface gpu simulation", *sections[1::2]], sections[::2]))
    for kind in IMAGES[1:]:
        for_images = "".join(part for title, part in named if kind in title.split())
        required = (REPO / "containers" / f"requirements-{kind}.txt").read_text().split()
        assert all(f"\n{name}=={pins[name]}\n" in for_images for name in [*required, "uv"])


FAKE_APPTAINER = """#!/bin/bash
# Stands in for `apptainer build`: notes its arguments and what lies in its folder, writes the target.
[[ $* == "build --help" ]] && { echo "      --mksquashfs-args string"; exit; }
echo "$*" >> "$NOTES/arguments"
cp -rL . "$NOTES/context"
[[ -z ${FAIL_WITH:-} ]] || { echo "$FAIL_WITH"; exit 255; }
target=${@: -2:1}
echo half > "$target"
[[ -z ${HANG:-} ]] || { touch "$NOTES/hangs"; sleep 4; }
echo "made from $(sha256sum < image.def)" > "$target"
"""


@pytest.fixture
def builder(checkout, tmp_path):
    """Call build.sh with a stand-in for apptainer; its notes are in builder.notes."""
    programs = tool_folder(tmp_path)
    write_program(programs / "apptainer", FAKE_APPTAINER)
    # An ordinary user, whoever runs the tests.
    (programs / "id").unlink()
    write_program(programs / "id", "#!/bin/bash\n[[ $1 == -un ]] && echo tester || echo 1000\n")

    def build(*args, start=run, **environment):
        build.notes = tmp_path / f"notes{len(list(tmp_path.glob('notes*')))}"
        build.notes.mkdir()
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        environment = {
            "NOTES": build.notes,
            "EPHYS_CONTAINER_DIR": build.images,
            "APPTAINER_TMPDIR": scratch,
            **environment,
        }
        return start(checkout / "containers" / "build.sh", *args, path=programs, **environment)

    build.images = tmp_path / "my images"
    build.programs = programs
    return build


def test_build_keeps_what_is_finished_and_writes_checksums(checkout, builder):
    names = image_names(checkout)
    fake_image(builder.images, names["base"])
    result = builder("spikeinterface")
    assert result.returncode == 0, result.stderr
    image = builder.images / names["spikeinterface"]
    assert result.stdout.splitlines() == [str(builder.images / names["base"]), str(image)]
    digest, name = (builder.images / f"{image.name}.sha256").read_text().split()
    assert (digest, name) == (hashlib.sha256(image.read_bytes()).hexdigest(), image.name)
    assert len((builder.notes / "arguments").read_text().splitlines()) == 1
    assert "--mksquashfs-args" in (builder.notes / "arguments").read_text()
    assert not list(builder.images.parent.glob("scratch/*"))
    before = image.stat().st_mtime_ns
    assert builder("spikeinterface").returncode == 0
    assert image.stat().st_mtime_ns == before


def test_build_passes_index_and_certificates_but_not_into_the_definition(checkout, builder, tmp_path):
    fake_image(builder.images, image_names(checkout)["base"], content=b"base")
    certificates = tmp_path / "site.pem"
    certificates.write_text("a certificate")
    index = "https://user:secret@example.org/simple dir/"
    result = builder(
        "spikeinterface",
        PIP_INDEX_URL=index,
        SSL_CERT_FILE=certificates,
        UV_CACHE_DIR=tmp_path / "c:d",
    )
    assert result.returncode == 0, result.stderr
    context = builder.notes / "context"
    assert (context / "base.sif").read_bytes() == b"base"
    assert (context / "host" / "ca.crt").read_text() == "a certificate"
    command = '. "$0"; echo "$UV_DEFAULT_INDEX" "$SSL_CERT_FILE" "$UV_CACHE_DIR"'
    settings = context / "host" / "build.env"
    found = subprocess.run(["sh", "-c", command, settings], capture_output=True, text=True, env={})
    assert found.stdout.strip() == f"{index} /srv/ca.crt /mnt"
    assert "secret" not in (context / "image.def").read_text()
    assert "secret" not in (builder.notes / "arguments").read_text()


def test_base_is_built_from_the_given_mirror(checkout, builder):
    result = builder("base", DEBIAN_MIRROR="http://mirror.example.org/debian/")
    assert result.returncode == 0, result.stderr
    definition = (builder.notes / "context" / "image.def").read_text()
    assert "MirrorURL: http://mirror.example.org/debian\n" in definition
    assert "{{" not in definition


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("ERROR: Requesting capability set 0x1ff: not permitted", ["capabilities", "ordinary user"]),
        ("error: no space left", ["base", "log"]),
    ],
)
def test_failed_build_gives_one_line_and_leaves_no_image(builder, message, words):
    assert_user_error(builder("base", FAIL_WITH=message), *words)
    assert not list(builder.images.glob("*.sif"))
    assert not list(builder.images.glob(".partial-*"))


def test_root_without_all_capabilities_is_told_before_the_build(builder):
    permitted = Path("/proc/self/status").read_text().split("CapPrm:")[1].split()[0]
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    if int(permitted, 16) == (1 << (last + 1)) - 1:
        pytest.skip("runs as a root that has all capabilities")
    write_program(builder.programs / "id", "#!/bin/bash\necho 0\n")
    assert_user_error(builder("base"), "root", "ordinary user")
    assert not (builder.notes / "arguments").exists()


def start_process(script, *args, path, **environment):
    """Like run, without waiting for the end."""
    env = {**os.environ, **{name: str(value) for name, value in environment.items()}, "PATH": str(path)}
    return subprocess.Popen([shutil.which("bash"), str(script), *args], env=env, stderr=subprocess.PIPE)


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGKILL"])
def test_killed_build_leaves_nothing_taken_for_an_image(checkout, builder, signal):
    process = builder("base", start=start_process, HANG="1")
    deadline = time.monotonic() + 20
    while not (builder.notes / "hangs").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(getattr(signals, signal))
    process.wait(timeout=20)
    assert not list(builder.images.glob("base-*.sif"))
    # What a build killed by SIGKILL had started still holds the lock: the next one waits for it.
    result = builder("base")
    assert result.returncode == 0, result.stderr
    assert "made from" in (builder.images / image_names(checkout)["base"]).read_text()
    assert not list(builder.images.glob(".partial-*"))


def test_pull_copies_what_this_checkout_names(checkout, tmp_path):
    source, dest = tmp_path / "the source", tmp_path / "the cluster's"
    names = image_names(checkout)
    for kind in IMAGES[1:]:
        fake_image(source, names[kind], content=kind.encode())
    fake_image(source, "spikeinterface-0123456789ab.sif", content=b"old")
    script = checkout / "environment" / "pull_singularity_containers.sh"
    result = run(script, dest, source)
    assert result.returncode == 0, result.stderr
    copied = {file.name for file in dest.glob("*.sif")}
    assert copied == {names[kind] for kind in IMAGES[1:]}
    assert (dest / names["gpu"]).read_bytes() == b"gpu"
    assert not list(dest.glob(".partial-*"))
    result = run(script, "--all", dest, source)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("there already") == 3
    assert (dest / "spikeinterface-0123456789ab.sif").read_bytes() == b"old"


def test_pull_honours_ephys_container_dir(checkout, tmp_path):
    for name in image_names(checkout).values():
        fake_image(tmp_path / "source", name)
    dest = tmp_path / "chosen"
    pull = checkout / "containers" / "pull.sh"
    source = tmp_path / "source"
    # An argument wins over the variable (on the slides it counted only together with it).
    result = run(pull, dest, source, EPHYS_CONTAINER_DIR=tmp_path / "other")
    assert result.returncode == 0, result.stderr
    assert list(dest.glob("*.sif")) and not (tmp_path / "other").exists()
    bare = tool_folder(tmp_path)
    # Without a source it builds, here as far as the missing tool, into the variable's folder.
    result = run(pull, path=bare, EPHYS_CONTAINER_DIR=tmp_path / "other")
    assert_user_error(result, "apptainer")
    assert (tmp_path / "other").is_dir()


def test_pull_refuses_a_corrupted_image_and_keeps_the_good_one(checkout, tmp_path):
    source, dest = tmp_path / "source", tmp_path / "dest"
    names = image_names(checkout)
    for kind in IMAGES[1:]:
        fake_image(source, names[kind])
    (source / names["gpu"]).write_bytes(b"an imagE")
    result = run(checkout / "containers" / "pull.sh", dest, source)
    assert_user_error(result, names["gpu"], "corrupted")
    assert (dest / names["spikeinterface"]).exists()
    assert not (dest / names["gpu"]).exists()
    fake_image(source, names["gpu"])
    assert run(checkout / "containers" / "pull.sh", dest, source).returncode == 0
    assert (dest / names["gpu"]).read_bytes() == b"an image"


def test_pull_over_ssh_uses_rsync(checkout, tmp_path):
    """HOST:FOLDER goes to rsync as it is; a stand-in answers from a local folder."""
    names = image_names(checkout)
    for name in names.values():
        fake_image(tmp_path / "remote", name)
    programs = tool_folder(tmp_path)
    # Its last two arguments are HOST:FILE and the target.
    write_program(programs / "rsync", '#!/bin/bash\nsource=${@: -2:1}\ncp "${source#far:}" "${@: -1}"\n')
    pull = checkout / "containers" / "pull.sh"
    result = run(pull, tmp_path / "dest", f"far:{tmp_path / 'remote'}", path=programs)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "dest" / names["gpu"]).exists()


@pytest.mark.parametrize("case", ["no destination", "no source folder", "source without images"])
def test_pull_explains_what_is_missing(checkout, tmp_path, case):
    script = checkout / "containers" / "pull.sh"
    if case == "no destination":
        assert_user_error(run(script), "EPHYS_CONTAINER_DIR")
    elif case == "no source folder":
        assert_user_error(run(script, tmp_path / "dest", tmp_path / "nowhere"), "nowhere")
    else:
        (tmp_path / "empty").mkdir()
        result = run(script, tmp_path / "dest", tmp_path / "empty")
        assert_user_error(result, image_names(checkout)["spikeinterface"], "containers/build.sh")


def test_scripts_name_no_mirror_but_debians_own():
    patterns = ("tests/cluster/*.sh", "containers/*.sh", "containers/*.def")
    scripts = [file for pattern in patterns for file in REPO.glob(pattern)]
    hosts = {line for file in scripts for line in file.read_text().splitlines() if "://" in line}
    assert all("deb.debian.org" in line or "$" in line for line in hosts), hosts
