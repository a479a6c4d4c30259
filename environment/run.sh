# Sourced by spike_sort.slm: where it runs, on what, and what the user is told at the end.

export PYTHONPATH="$PIPELINE_PATH/scripts${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1

load_modules() {
    [ -n "$MODULES" ] || return 0
    command -v module >/dev/null || [ ! -f /etc/profile.d/modules.sh ] || . /etc/profile.d/modules.sh
    command -v module >/dev/null || die "MODULES is set to '$MODULES' but there is no module command here: empty it"
    local name
    for name in $MODULES; do
        module load "$name" || die "module load $name failed: module avail lists what there is"
    done
}

# Slurm under sbatch, this machine under bash; the stages inherit the head job's account and partition.
choose_executor() {
    if [ -n "${SLURM_JOB_ID:-}" ] && command -v sbatch >/dev/null; then
        PROFILE=standard
        USE_CONTAINERS=${USE_CONTAINERS:-1}
        SLURM_ACCOUNT=${SLURM_ACCOUNT:-${SLURM_JOB_ACCOUNT:-}}
        CPU_PARTITION=${CPU_PARTITION:-${SLURM_JOB_PARTITION:-}}
        partition_limits "$CPU_PARTITION${GPU_PARTITION:+,$GPU_PARTITION}"
    else
        PROFILE=local
        USE_CONTAINERS=${USE_CONTAINERS:-0}
        machine_limits
    fi
    case $USE_CONTAINERS in
    0) PYTHON_MODE=full ;;
    1) PYTHON_MODE=head && choose_container_engine ;;
    *) die "USE_CONTAINERS was given '$USE_CONTAINERS': allowed: 0 or 1" ;;
    esac
    # A job's own limits are its head's, not the stages': sbatch reads these variables.
    unset SBATCH_ACCOUNT SBATCH_PARTITION SLURM_MEM_PER_NODE SLURM_MEM_PER_CPU SLURM_CPUS_PER_TASK SLURM_NTASKS
    unset SBATCH_TIMELIMIT SBATCH_MEM_PER_NODE SLURM_TRES_PER_TASK SLURM_CPU_BIND
    case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
    *[Uu][Tt][Ff]*) ;;
    *) export LC_ALL=C.UTF-8 ;; # Java takes file names with other letters for question marks otherwise
    esac
    export SLURM_ACCOUNT CPU_PARTITION GPU_PARTITION
}

choose_container_engine() {
    if command -v apptainer >/dev/null; then
        export SIMSORT_CONTAINER_ENGINE=apptainer
    elif command -v singularity >/dev/null; then
        export SIMSORT_CONTAINER_ENGINE=singularity
    else
        die "neither apptainer nor singularity is on PATH: load its module (MODULES=apptainer), or run without containers (USE_CONTAINERS=0)"
    fi
    export EPHYS_CONTAINER_DIR=${EPHYS_CONTAINER_DIR:-$PIPELINE_PATH/containers/images}
}

image_path() {
    "$PIPELINE_PATH/containers/build.sh" --print "$1"
}

require_images() {
    local image
    [ "$USE_CONTAINERS" = 1 ] || return 0
    for image in "$@"; do
        image=$(image_path "$image")
        [ -f "$image" ] || die "container image $image is missing: build it with containers/build.sh, or set EPHYS_CONTAINER_DIR to the folder that has it"
        verify_image "$image"
    done
}

# An image is read whole once and after every change; what was found is kept among the user's own files.
verify_image() {
    local image=$1 wanted facts stamp
    stamp=${XDG_CACHE_HOME:-$HOME/.cache}/simsort/images/$(printf '%s' "$image" | sha256sum | cut -c1-16)
    wanted=$(grep -o -E -m 1 '^[0-9a-f]{64}' "$image.sha256" 2>/dev/null) ||
        die "container image $image has no checksum, $image.sha256: build it again with containers/build.sh, or copy it with containers/pull.sh"
    facts="$wanted $(stat -L -c '%i %s %.9Y %.9Z' "$image")"
    [ "$(cat "$stamp" 2>/dev/null)" != "$facts" ] || return 0
    [ "$(sha256sum <"$image" | cut -c1-64)" = "$wanted" ] ||
        die "container image $image is damaged or was changed: its SHA-256 is not the one in $image.sha256; remove it and build or copy it again"
    { mkdir -p "${stamp%/*}" && printf '%s\n' "$facts" >"$stamp"; } 2>/dev/null || true
}

# sort, pretrain or all, from the command line or the params file; a mistake in them ends here.
choose_workflow() {
    settings_as_arguments
    WORKFLOW=$(python3 -m simsort check-params --print-workflow -- "${SETTINGS[@]}" "$@") || exit
    case $WORKFLOW in
    pretrain) require_images simulation gpu ;;
    all) require_images spikeinterface simulation gpu ;;
    *) require_images spikeinterface gpu ;;
    esac
}

# The built-in example is made with the full environment or in the container, once.
choose_data() {
    if [ "$WORKFLOW" = pretrain ]; then
        DATA_PATH=""
        return
    fi
    [ -z "$DATA_PATH" ] || return 0
    local folder=${EXAMPLE_DIR:-./example_data}
    if [ "$PYTHON_MODE" = full ]; then
        python3 -m simsort example --out "$folder" || exit
    else
        require_images simulation
        mkdir -p "$folder"
        folder=$(cd "$folder" && pwd)
        "$SIMSORT_CONTAINER_ENGINE" exec --no-home --bind "$PIPELINE_PATH/scripts" --bind "$folder" \
            --pwd "$folder" --env "PYTHONPATH=$PIPELINE_PATH/scripts,NUMBA_CACHE_DIR=/tmp/numba,MPLCONFIGDIR=/tmp/mpl,SIMSORT_MECHANISMS=$folder/.mechanisms" \
            "$(image_path simulation)" python3 -m simsort example --out . || exit
    fi
    DATA_PATH=$folder/example_g0
}

make_paths_absolute() {
    [ ! -e "$DATA_PATH" ] || DATA_PATH=$(realpath -- "$DATA_PATH")
    RESULTS_PATH=$(realpath -m -- "$RESULTS_PATH")
    WORK_DIR=$(realpath -m -- "$WORK_DIR")
    [ -z "$PARAMS_FILE" ] || PARAMS_FILE=$(realpath -m -- "$PARAMS_FILE")
    [ -z "$EPHYS_CONTAINER_DIR" ] || export EPHYS_CONTAINER_DIR="$(realpath -m -- "$EPHYS_CONTAINER_DIR")"
}

# Nextflow's task scripts hold the work folder's path in double quotes, where $, `, " and \ mean something to the shell.
# In place of such a folder one in the home folder is used, which every node sees too.
plain_work_dir() {
    local folder=${XDG_CACHE_HOME:-$HOME/.cache}/simsort/work
    case $PIPELINE_PATH in
    *[\$\`\"\\]*) die "PIPELINE_PATH $PIPELINE_PATH holds one of \$ \` \" \\: move the checkout to a path without them" ;;
    esac
    case $WORK_DIR in
    *[\$\`\"\\]*) ;;
    *) return 0 ;;
    esac
    folder=$folder/$(printf '%s' "$WORK_DIR" | sha256sum | cut -c1-12)
    mkdir -p "$folder" || die "$folder cannot be made: choose a WORK_DIR without \$ \` \" \\"
    say "temporary files go to $folder: Nextflow takes no work folder with \$ \` \" or \\ in its path"
    WORK_DIR=$folder
}

# What the settings at the top of spike_sort.slm say, as parameters; those after the file name come later and win.
settings_as_arguments() {
    SETTINGS=("--results_path=$RESULTS_PATH" "--max_cpus=$SIMSORT_MAX_CPUS"
        "--max_memory=$SIMSORT_MAX_MEMORY" "--max_time=$SIMSORT_MAX_TIME")
    [ "$USE_CONTAINERS" = 0 ] && SETTINGS+=(--use_containers=false) || SETTINGS+=(--use_containers=true)
    [ -z "$EPHYS_CONTAINER_DIR" ] || SETTINGS+=("--container_dir=$EPHYS_CONTAINER_DIR")
    [ -z "$DATA_PATH" ] || SETTINGS+=("--data_path=$DATA_PATH")
    [ -z "$SORTER" ] || SETTINGS+=("--sorter=$SORTER")
    [ -z "$PARAMS_FILE" ] || SETTINGS+=("--params_file=$PARAMS_FILE")
    [ -z "$INPUT_DATA_TYPE" ] || SETTINGS+=("--input_data_type=$INPUT_DATA_TYPE")
}

check_run() {
    settings_as_arguments
    python3 -m simsort check-params -- "${SETTINGS[@]}" "$@" || exit
    mkdir -p "$WORK_DIR" 2>/dev/null && [ -w "$WORK_DIR" ] ||
        die "WORK_DIR $WORK_DIR cannot be written: choose a folder you may write to"
    [ -z "$DATA_PATH" ] || say "session $DATA_PATH"
    say "results $RESULTS_PATH"
    say "stages run on $([ "$PROFILE" = local ] && echo "this machine" || echo Slurm)$([ "$USE_CONTAINERS" = 0 ] || echo " in $SIMSORT_CONTAINER_ENGINE containers")"
    plain_work_dir
    SIMSORT_GIT_COMMIT=$(git -C "$PIPELINE_PATH" describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null || echo unknown)
    export SIMSORT_GIT_COMMIT
    SIMSORT_RUN=$(printf '%s' "$RESULTS_PATH" | sha256sum | cut -c1-12)
    export SIMSORT_RUN
    lock_results
    # Nextflow locks its launch folder and resumes what was launched there: one for each results folder.
    LAUNCH_DIR=$WORK_DIR/launch/$SIMSORT_RUN
    mkdir -p "$LAUNCH_DIR"
    cd "$LAUNCH_DIR"
}

# One run at a time writes into a results folder; another is told whose it is.
lock_results() {
    python3 -m simsort.results_lock take "$RESULTS_PATH" $$ || exit
    trap 'python3 -m simsort.results_lock release "$RESULTS_PATH" $$' EXIT
    cancel_stages "that an earlier run left behind"
    define_nextflow
}

# The stages' jobs carry the run's name (executor.jobName), their processes its variable: those that are left are found
# by it, also when the head job was killed and could end nothing itself. No two may work in one task's folder.
cancel_stages() {
    local jobs processes tries=0
    while jobs=$(stage_jobs) && [ -n "$jobs" ] && [ "$tries" -lt 60 ]; do
        [ "$tries" -gt 0 ] || { say "cancelling jobs $1: "$jobs && scancel $jobs; } || true
        tries=$((tries + 1))
        sleep 1
    done
    processes=$(grep -lsz "^SIMSORT_RUN=$SIMSORT_RUN$" /proc/[0-9]*/environ | tr -dc '0-9\n' | grep -vx $$) || true
    [ -z "$processes" ] || kill -9 $processes 2>/dev/null || true
}

stage_jobs() {
    [ "$PROFILE" != local ] || return 0
    squeue --me --noheader --format='%i %j' | awk -v prefix="simsort-$SIMSORT_RUN-" 'index($2, prefix) == 1 { print $1 }'
}

# Ctrl-C, scancel and kill reach this shell alone or Nextflow too: either way Nextflow and the stages' jobs end with it.
# A shell that waits for a program in the foreground would hear of it only after that program's end.
define_nextflow() {
    nextflow() {
        command nextflow "$@" &
        wait_for_nextflow $!
    }
}

wait_for_nextflow() {
    local nextflow=$1 status=0
    INTERRUPTED=""
    # The stages' jobs at once: Slurm gives this shell half a minute.
    trap 'INTERRUPTED=yes; kill -TERM "$nextflow" 2>/dev/null || true; stage_jobs | xargs -r scancel || true' INT TERM HUP
    wait "$nextflow" || status=$?
    while kill -0 "$nextflow" 2>/dev/null; do
        status=0
        wait "$nextflow" || status=$?
    done
    trap - INT TERM HUP
    [ -n "$INTERRUPTED" ] || return "$status"
    cancel_stages "of this run" # what Nextflow has left
    say "interrupted; run it again to continue: finished stages are kept"
    exit 143
}

# Nextflow takes a quoted "--flag" for an option of its own; joined by '=' it is the value it is meant to be. What then
# holds a space Nextflow would take for the value of a switch before it, so a switch is told apart.
join_quoted_arguments() {
    ARGUMENTS=("${SETTINGS[@]}")
    while [ $# -gt 0 ]; do
        case $1 in
        --*_args | --*_kwargs)
            ARGUMENTS+=("$1=${2:-}")
            shift
            ;;
        --*=*) ARGUMENTS+=("$1") ;;
        --*) case ${2:-} in
            --*) ARGUMENTS+=("$1=true") ;;
            *) ARGUMENTS+=("$1") ;;
            esac ;;
        *) ARGUMENTS+=("$1") ;;
        esac
        shift
    done
}

finish_run() {
    local status=$1 report=0
    python3 -m simsort report "$RESULTS_PATH" || report=$?
    [ "$status" -eq 0 ] || say "Nextflow's own log: $RESULTS_PATH/nextflow/nextflow.log"
    [ "$report" -eq 0 ] || exit "$report"
    exit "$status"
}
