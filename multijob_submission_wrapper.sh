#!/usr/bin/env bash
# One pipeline per recording session below DATA_PATH (scripts/simsort/multijob.py does the work):
#   ./multijob_submission_wrapper.sh spike_sort.slm [--dry-run] [--local] [-- --sorter kilosort4 ...]
# Sessions are found by content: SpikeGLX runs, Open Ephys sessions, NWB files. Each gets pipeline_jobdir_<session> in the
# current folder, with a copy of the job script in it, and its results in <RESULTS_PATH>_<session>.
set -euo pipefail

PIPELINE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# The settings as the job script has them, which may be hand-edited or take their values from the environment: the first
# assignment of each is the one at the top.
read_settings() {
    local name
    for name in DATA_PATH WORK_DIR RESULTS_PATH PIPELINE_PATH EPHYS_CONTAINER_DIR INPUT_DATA_TYPE PARAMS_FILE MODULES SORTER \
        CPU_PARTITION; do
        set +u
        eval "$(grep -m 1 -E "^(export[[:space:]]+)?$name=" "$1" || true)"
        set -u
        export "${name?}"
    done
}

for argument in "$@"; do
    case $argument in
    --) break ;;
    -*) ;;
    *)
        [ ! -f "$argument" ] || read_settings "$argument"
        break
        ;;
    esac
done

PYTHON=$(
    PIPELINE_PATH=$PIPELINE MODULES=${MODULES:-}
    . "$PIPELINE/environment/setup.sh"
    . "$PIPELINE/environment/run.sh"
    load_modules >&2
    for python in "${SIMSORT_ENV:+$SIMSORT_ENV/bin/python3}" "$PIPELINE/.venv/bin/python3"; do
        [ ! -x "$python" ] || { echo "$python"; exit; }
    done
    find_python
)
PYTHONPATH=$PIPELINE/scripts${PYTHONPATH:+:$PYTHONPATH} PYTHONDONTWRITEBYTECODE=1 exec "$PYTHON" -m simsort.multijob "$@"
