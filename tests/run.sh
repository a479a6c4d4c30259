#!/usr/bin/env bash
# All tests. As root on Debian 12 it installs what they need, starts a Slurm of three nodes on this machine and runs them
# as the ordinary user `simsort`; as anyone else it runs what this machine allows and says what it left out.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: bash tests/run.sh [--unit|--pipeline|--cluster] [pytest options]      (default: all three)
       bash tests/run.sh --faults|--fuzz [pytest options]                    (an hour or more, not part of the rest)

  --unit      functions and stages            --pipeline  Nextflow and spike_sort.slm on this machine
  --cluster   sbatch spike_sort.slm on the local Slurm, in containers
  --faults    nodes, daemons, jobs and disks of the local Slurm broken on purpose
  --fuzz      a hundred thousand damaged files and settings

SIMSORT_DATA names the folder of test recordings; SIMSORT_TEST_CACHE (default /var/cache/simsort-test) keeps images and
downloads between runs.
USAGE
}

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${SIMSORT_TEST_CACHE:-/var/cache/simsort-test}
TEST_USER=simsort
STAGES=(unit pipeline cluster)

step() {
    echo "== $(date +%T) $*"
}

# --- as root: install, then go on as the ordinary user --------------------------------------------------------

as_user() {
    runuser -u "$TEST_USER" -- env HOME="/home/$TEST_USER" USER="$TEST_USER" LOGNAME="$TEST_USER" \
        PYTHONDONTWRITEBYTECODE=1 "$@"
}

# The user gets a copy of the checkout: what git tracks or would track, with its history, at a path that it may read.
copy_checkout() {
    local target=$1
    as_user mkdir -p "$target"
    git -C "$REPO" ls-files -z --cached --others --exclude-standard |
        (cd "$REPO" && while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done) |
        tar -C "$REPO" --null -T - -cf - | as_user tar -C "$target" -xf -
    as_user git -C "$target" init -q
    as_user git -C "$target" add -A
    as_user git -C "$target" -c user.name=tests -c user.email=tests@localhost commit -q -m "the checkout under test"
}

# The data may lie where only root can go.
copy_data() {
    [ -n "${SIMSORT_DATA:-}" ] || return 0
    as_user test -r "$SIMSORT_DATA/ORIGIN.md" && return
    rsync -a --chmod=a+rX "$SIMSORT_DATA/" "$CACHE/data/"
    export SIMSORT_DATA=$CACHE/data
}

run_as_root() {
    local work status=0
    step "installing what the tests need"
    "$REPO/tests/cluster/install_debian.sh"
    work=$(as_user mktemp -d "/var/tmp/simsort-test-XXXXXX")
    if wants cluster || wants faults; then
        export SIMSORT_SLURM_STATE=${SIMSORT_SLURM_STATE:-/var/tmp/simsort-slurm}
        "$REPO/tests/cluster/slurm.sh" stop
        SLURM_CONF=$SIMSORT_SLURM_STATE/slurm.conf
        export SLURM_CONF
        "$REPO/tests/cluster/slurm.sh" start >/dev/null
    fi
    # shellcheck disable=SC2064  # the folder's name is fixed now
    trap "clean_up '$work'" EXIT
    copy_checkout "$work/checkout"
    copy_data
    ! wants faults || serve_faults "$work/faults"
    as_user env SIMSORT_TEST_CACHE="$CACHE" bash "$work/checkout/tests/run.sh" "${ARGUMENTS[@]}" || status=$?
    return "$status"
}

# The tests run as an ordinary user and break what is root's: they ask for it, one word after another in a pipe.
serve_faults() {
    local folder=$1
    has_faketime || apt-get install -q -y --no-install-recommends faketime >/dev/null
    as_user mkdir -p "$folder"
    as_user mkfifo "$folder/ask" "$folder/answer"
    export SIMSORT_FAULTS=$folder
    while [ -p "$folder/ask" ]; do
        read -r -a words <"$folder/ask" || continue
        case "${words[*]}" in
        start | "kill cpu"[12] | "kill gpu1" | "kill slurmctld" | "faketime cpu"[12]" "[+-][0-9]*s)
            "$REPO/tests/cluster/slurm.sh" "${words[@]}" >/dev/null && echo done >"$folder/answer" || echo failed >"$folder/answer"
            ;;
        *) echo "not known: ${words[*]}" >"$folder/answer" ;;
        esac
    done &
    FAULT_SERVER=$!
}

has_faketime() {
    find /usr/lib -name libfaketime.so.1 | grep -q .
}

clean_up() {
    [ -z "${FAULT_SERVER:-}" ] || kill "$FAULT_SERVER" 2>/dev/null || true
    ! { wants cluster || wants faults; } || "$REPO/tests/cluster/slurm.sh" stop || true
    [ -n "${SIMSORT_KEEP_TESTS:-}" ] || rm -rf "$1"
}

# --- as the ordinary user -------------------------------------------------------------------------------------

prepare_python() {
    step "setting up the Python environment"
    PIPELINE_PATH=$REPO
    . "$REPO/environment/setup.sh"
    unset SIMSORT_ENV VIRTUAL_ENV CONDA_PREFIX
    setup_python full
    [ -f "$REPO/.venv/.simsort-tests" ] || install_packages $(sed -n "/^test = /,/^]/s/ *\"\(.*\)\",/\1/p" "$REPO/pyproject.toml")
    touch "$REPO/.venv/.simsort-tests"
    setup_java
    setup_nextflow
}

has_cluster() {
    command -v sinfo >/dev/null && command -v apptainer >/dev/null && sinfo -h >/dev/null 2>&1
}

build_images() {
    export EPHYS_CONTAINER_DIR=${EPHYS_CONTAINER_DIR:-$CACHE/images}
    step "building the container images that are missing"
    # Without a cache of downloads: builds link from it only within one disk, and copy gigabytes otherwise.
    env -u UV_CACHE_DIR "$REPO/containers/build.sh" all
}

# Damage drawn at random, then damage that follows what the code does with it.
fuzz() {
    local target
    export SIMSORT_FUZZ_CASES=${SIMSORT_FUZZ_CASES:-100000}
    run_pytest "fuzzing" -s tests/unit/test_fuzzing.py
    for target in settings curation; do
        step "tests: guided fuzzing of $target"
        python3 "$REPO/tests/fuzz_guided.py" "$target" "-runs=$SIMSORT_FUZZ_CASES" -max_len=4000 -print_final_stats=1 2>&1 | tail -n 12 || FAILED+=("guided $target")
    done
}

# run_pytest NAME OPTIONS... : the stages go on after a failure, so that one run shows all of them.
run_pytest() {
    local name=$1
    shift
    step "tests: $name"
    python3 -m pytest -q --durations=10 -p no:cacheprovider -m "$MARKS" "$@" "${PYTEST_OPTIONS[@]}" || FAILED+=("$name")
}

run_as_user() {
    FAILED=()
    MARKS=""
    if ! nvidia-smi >/dev/null 2>&1; then
        MARKS="not gpu"
        echo "tests/run.sh: skipped the GPU tests: no CUDA device here"
    fi
    prepare_python
    cd "$REPO"
    # Workers share two cores: each test process keeps to one thread.
    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
    ! wants unit || run_pytest "functions and stages" -n 2 --dist worksteal tests/unit tests/stages
    ! wants pipeline || run_pytest "the workflow on this machine" tests/pipeline
    if wants cluster; then
        if has_cluster; then
            build_images
            run_pytest "the workflow on Slurm, in containers" tests/cluster
        elif [ "${CI:-}" = true ]; then
            echo "tests/run.sh: no Slurm and Apptainer for the cluster tests: run as root on Debian 12" >&2
            FAILED+=("cluster")
        else
            echo "tests/run.sh: skipped the cluster tests: no running Slurm and Apptainer here (run as root on Debian 12)"
        fi
    fi
    if wants faults; then
        has_cluster || { echo "tests/run.sh: --faults needs the local Slurm: run it as root on Debian 12" >&2; exit 2; }
        build_images
        run_pytest "faults" tests/faults
    fi
    ! wants fuzz || fuzz
    step "done"
    [ ${#FAILED[@]} -eq 0 ] || { echo "tests/run.sh: failed: ${FAILED[*]}" >&2; exit 1; }
}

# --------------------------------------------------------------------------------------------------------------

wants() {
    [[ " ${STAGES[*]} " == *" $1 "* ]]
}

ARGUMENTS=("$@")
PYTEST_OPTIONS=()
for argument in "$@"; do
    case $argument in
    -h | --help)
        usage
        exit
        ;;
    --unit) STAGES=(unit) ;;
    --pipeline) STAGES=(pipeline) ;;
    --cluster) STAGES=(cluster) ;;
    --faults) STAGES=(faults) ;;
    --fuzz) STAGES=(fuzz) ;;
    *) PYTEST_OPTIONS+=("$argument") ;;
    esac
done

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    run_as_root
else
    run_as_user
fi
