#!/usr/bin/env bash
# Build the container images that are missing. An image's name carries a hash of everything it is made from, so
# a finished image is never rebuilt in place, and an edited definition or lock gives a new image beside the old.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LOCK_FILE=$HERE/../environment/constraints.txt
IMAGE_DIR=${EPHYS_CONTAINER_DIR:-$HERE/images}

usage() {
    cat <<'USAGE'
usage: containers/build.sh [--print|--check|--config] [base|spikeinterface|gpu|simulation|all]   (default: all)

  (no option)      build what is missing; finished images are kept, an interrupted build starts over
  --print          print the image's path, built or not; needs neither Apptainer nor a network
  --check          the same, but exit 2 with a message if it is not built
  --config         write the names into containers/images.config, which the pipeline reads: do it after every
                   change of a definition, a requirements file or the lock, and commit the file
  --debian-mirror  print the Debian mirror that a build would use

Images go to $EPHYS_CONTAINER_DIR (default: containers/images) as <name>-<hash>.sif with a .sha256 beside each;
build logs go to its logs/ folder. Old images are never removed: delete those that --print does not name.

Run it as an ordinary user with ranges in /etc/subuid and /etc/subgid. It needs apptainer (or singularity), and
debootstrap for the base image. Read from the environment: DEBIAN_MIRROR (default: the machine's own apt source),
PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_CERT SSL_CERT_FILE UV_* and pip's configuration file (package index and
certificates), UV_CACHE_DIR (set it to keep downloads between builds), APPTAINER_TMPDIR (15 GB for the gpu image; default
/var/tmp), SIMSORT_SQUASHFS (arguments for mksquashfs). None of these is written into an image.
USAGE
}

fail() {
    echo "build.sh: $*" >&2
    exit 2
}

# --- names --------------------------------------------------------------------------------------------------

ingredients() { # files an image is made from
    case $1 in
    base) echo "$HERE/base.def" ;;
    *) printf '%s\n' "$HERE/$1.def" "$HERE/requirements-$1.txt" "$HERE/base.def" "$LOCK_FILE" ;;
    esac
}

# The part of the lock that an image is made from: what stands before the first section, and the sections that name it.
# A new test tool is no reason to build all images again, nor a new NEURON to build those without it.
image_lock() { # image_lock IMAGE
    awk -v image="$1" '/^# --- / { other = !($0 ~ "in the .*" image && $0 !~ /not in the images/) } !/^#/ && NF && !other' "$LOCK_FILE"
}

image_content() {
    case $1 in
    base) cat "$HERE/base.def" ;;
    *) cat "$HERE/$1.def" "$HERE/requirements-$1.txt" "$HERE/base.def" && image_lock "$1" ;;
    esac
}

image_name() {
    local -a files
    local file
    mapfile -t files < <(ingredients "$1")
    for file in "${files[@]}"; do
        [ -r "$file" ] || fail "cannot read $file, of which image '$1' is made: restore it from git"
    done
    echo "$1-$(image_content "$1" | sha256sum | cut -c1-12).sif"
}

image_path() {
    local name
    name=$(image_name "$1") || exit 2
    case $IMAGE_DIR in
    /*) echo "$IMAGE_DIR/$name" ;;
    *) echo "$PWD/$IMAGE_DIR/$name" ;;
    esac
}

check_image() {
    local path
    path=$(image_path "$1") || exit 2
    [ -f "$path" ] || fail "image $path is missing: build it with containers/build.sh $1, or copy it with containers/pull.sh"
    echo "$path"
}

write_config() {
    local image name config=$HERE/images.config
    {
        echo "// Written by containers/build.sh --config: the images' names carry a hash of what they are made from."
        for image in spikeinterface gpu simulation; do
            name=$(image_name "$image") || exit 2
            echo "params.image_names.$image = '$name'"
        done
    } > "$config.new"
    mv "$config.new" "$config"
}

# --- what the host brings -------------------------------------------------------------------------------------

# apt itself reads both source formats; a Debian host's own mirror is the one it reaches.
host_debian_mirror() {
    local id codename
    id=$(. /etc/os-release && echo "${ID:-}")
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ "$id" = debian ] && command -v apt-get > /dev/null || return 0
    # shellcheck disable=SC2016  # the dollars are apt's
    apt-get indextargets --format '$(IDENTIFIER) $(RELEASE) $(COMPONENT) $(REPO_URI)' 2> /dev/null \
        | awk -v release="$codename" '$1 == "Packages" && $2 == release && $3 == "main" && $4 ~ /^(https?|ftp|file):/ && !n++ { print $4 }'
}

debian_mirror() {
    local mirror=${DEBIAN_MIRROR:-}
    [ -n "$mirror" ] || mirror=$(host_debian_mirror)
    mirror=${mirror:-http://deb.debian.org/debian}
    echo "${mirror%/}"
}

host_certificates() { # the first bundle that exists
    local bundle
    for bundle in "${SSL_CERT_FILE:-}" "${PIP_CERT:-}" "${REQUESTS_CA_BUNDLE:-}" "${CURL_CA_BUNDLE:-}" \
        /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem; do
        if [ -n "$bundle" ] && [ -r "$bundle" ]; then
            echo "$bundle"
            return
        fi
    done
}

pip_setting() { # from pip's configuration files; empty when there is no pip or no such setting
    python3 -m pip config get "global.$1" 2> /dev/null || true
}

# Shell assignments for the image's %post: uv does not read pip's settings, so they are given in both forms.
index_settings() {
    local name
    local PIP_INDEX_URL=${PIP_INDEX_URL:-$(pip_setting index-url)}
    local PIP_EXTRA_INDEX_URL=${PIP_EXTRA_INDEX_URL:-$(pip_setting extra-index-url)}
    [ -z "$PIP_INDEX_URL" ] || local UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-$PIP_INDEX_URL}}
    [ -z "$PIP_EXTRA_INDEX_URL" ] || local UV_INDEX=${UV_INDEX:-$PIP_EXTRA_INDEX_URL}
    [ -z "${PIP_TRUSTED_HOST:-}" ] || local UV_INSECURE_HOST=${UV_INSECURE_HOST:-$PIP_TRUSTED_HOST}
    for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT \
        UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_INSECURE_HOST UV_HTTP_TIMEOUT UV_OFFLINE \
        UV_SYSTEM_CERTS UV_NATIVE_TLS http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        [ -z "${!name:-}" ] || printf 'export %s=%q\n' "$name" "${!name}"
    done
}

# --- building -------------------------------------------------------------------------------------------------

container_tool() {
    command -v apptainer || command -v singularity \
        || fail "neither apptainer nor singularity is on PATH: install one or load its module, or copy built images with containers/pull.sh"
}

check_tools() {
    local tool
    export PATH=$PATH:/usr/sbin:/sbin # debootstrap and its helpers, not on an ordinary user's PATH
    container_tool > /dev/null
    for tool in flock sha256sum; do
        command -v "$tool" > /dev/null || fail "'$tool' is not on PATH: install it (coreutils, util-linux)"
    done
    mkdir -p "$IMAGE_DIR" 2> /dev/null && [ -w "$IMAGE_DIR" ] \
        || fail "cannot write to $IMAGE_DIR: set EPHYS_CONTAINER_DIR to a folder of your own"
}

# Root in a virtual machine or container may lack capabilities that Apptainer asks for, an ordinary user in a
# name space of its own never does. Apptainer itself finds out only after minutes.
check_root() {
    local last permitted
    [ "$(id -u)" -eq 0 ] || return 0
    last=$(cat /proc/sys/kernel/cap_last_cap)
    permitted=$(awk '$1 == "CapPrm:" { print $2 }' /proc/self/status)
    [ $((16#$permitted)) -eq $(((1 << (last + 1)) - 1)) ] || explain_root
}

explain_root() {
    fail "root lacks capabilities on this machine that building takes: run containers/build.sh as an ordinary user with ranges in /etc/subuid and /etc/subgid"
}

check_space() { # check_space FOLDER MEGABYTES IMAGE
    local free
    free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$2" ] || fail "$1 has $free MB free, building image '$3' takes $2 MB: set APPTAINER_TMPDIR to a larger local disk"
}

# One builder per image folder. The lock goes with the process, however it ends.
take_lock() {
    exec 9> "$IMAGE_DIR/.lock"
    if ! flock --nonblock 9; then
        echo "build.sh: another build or copy works in $IMAGE_DIR: waiting for it" >&2
        flock 9
    fi
    # With the lock in hand, anything unfinished belongs to a builder that was killed.
    rm -rf "$IMAGE_DIR"/.partial-*
}

# The folder an image is built in: the definition, the files it copies, and what it may use but not keep.
make_context() { # make_context IMAGE FOLDER
    local certificates
    mkdir -p "$2/host" "$2/tmp"
    sed "s|{{ debian_mirror }}|$(debian_mirror)|" "$HERE/$1.def" > "$2/image.def"
    if [ "$1" = base ]; then return; fi
    cp "$HERE/requirements-$1.txt" "$2/requirements.txt"
    image_lock "$1" > "$2/constraints.txt"
    ln -s "$(image_path base)" "$2/base.sif"
    index_settings > "$2/host/build.env"
    [ -z "${UV_CACHE_DIR:-}" ] || echo 'export UV_CACHE_DIR=/mnt UV_LINK_MODE=copy' >> "$2/host/build.env"
    certificates=$(host_certificates)
    if [ -n "$certificates" ]; then
        cp "$certificates" "$2/host/ca.crt"
        echo 'export SSL_CERT_FILE=/srv/ca.crt PIP_CERT=/srv/ca.crt' >> "$2/host/build.env"
    fi
}

# zstd packs torch several times faster than gzip, into less space, and unpacks faster at every start. Every
# squashfs since Linux 4.14 and squashfuse read it.
squashfs_options() { # squashfs_options TOOL: empty for a tool too old to know them
    local help
    help=$("$1" build --help 2> /dev/null || true) # not piped into grep -q, which would end it with a broken pipe
    [[ $help == *--mksquashfs-args* ]] || return 0
    printf '%s\n' --mksquashfs-args "${SIMSORT_SQUASHFS:--comp zstd -Xcompression-level 3}"
}

explain_failure() { # explain_failure IMAGE LOG
    if grep -q -i 'requesting capability set' "$2"; then explain_root; fi
    if [ "$(id -u)" -ne 0 ] && ! grep -q -e "^$(id -un):" -e "^$(id -u):" /etc/subuid 2> /dev/null; then
        fail "image '$1' was not built (log: $2): $(id -un) has no range in /etc/subuid; ask for one, or build elsewhere and copy with containers/pull.sh"
    fi
    fail "image '$1' was not built: the reason stands at the end of $2"
}

run_build() { # run_build TOOL CONTEXT TARGET
    local -a options
    mapfile -t options < <(squashfs_options "$1")
    if [ -n "${UV_CACHE_DIR:-}" ]; then
        mkdir -p "$UV_CACHE_DIR"
        ln -s "$(cd "$UV_CACHE_DIR" && pwd)" "$2/cache" # its path may hold a colon, which --bind cannot
        options+=(--bind "$2/cache:/mnt")
    fi
    cd "$2"
    export APPTAINER_TMPDIR=$2/tmp SINGULARITY_TMPDIR=$2/tmp
    # A site's own binds may name places that a bare Debian does not have.
    unset APPTAINER_BIND APPTAINER_BINDPATH SINGULARITY_BIND SINGULARITY_BINDPATH
    exec "$1" build "${options[@]}" --bind "$2/host:/srv:ro" "$3" image.def
}

build_image() {
    local name=$1 path tool context partial log started=$SECONDS
    path=$(image_path "$name")
    [ ! -f "$path" ] || { echo "$path"; return; }
    check_root
    case $name in
    base) check_space "$BUILD_ROOT" 1500 base ;;
    spikeinterface) check_space "$BUILD_ROOT" 4000 spikeinterface ;;
    gpu) check_space "$BUILD_ROOT" 15000 gpu ;;
    simulation) check_space "$BUILD_ROOT" 4000 simulation ;;
    esac
    tool=$(container_tool)
    context=$BUILD_ROOT/$name
    partial=$IMAGE_DIR/.partial-$(basename "$path")
    log=$IMAGE_DIR/logs/$(basename "$path" .sif).log
    mkdir -p "$IMAGE_DIR/logs"
    make_context "$name" "$context"
    echo "build.sh: building $path (log: $log)" >&2
    # In the background and its own process group, so that a signal to this script ends all of it at once.
    set -m
    run_build "$tool" "$context" "$partial" > "$log" 2>&1 < /dev/null &
    BUILD_PID=$!
    set +m
    wait "$BUILD_PID" || explain_failure "$name" "$log"
    BUILD_PID=""
    # The checksum goes first: an image that is there is whole and has its checksum.
    (cd "$IMAGE_DIR" && sha256sum "$(basename "$partial")" | sed 's/  \.partial-/  /') > "$partial.sha256"
    mv "$partial.sha256" "$path.sha256"
    mv "$partial" "$path"
    remove_tree "$context"
    echo "build.sh: built in $((SECONDS - started)) s, $(du -m "$path" | cut -f1) MB" >&2
    echo "$path"
}

# A half-made root file system holds folders without write permission.
remove_tree() {
    chmod -R u+rwX "$1" 2> /dev/null || true
    rm -rf "$1" 2> /dev/null || true
}

clean_up() {
    if [ -n "$BUILD_PID" ]; then
        kill -- "-$BUILD_PID" 2> /dev/null || true
        wait "$BUILD_PID" 2> /dev/null || true
    fi
    remove_tree "$BUILD_ROOT"
    rm -rf "$IMAGE_DIR"/.partial-*
}

build_images() {
    local name scratch
    check_tools
    BUILD_PID=""
    IMAGE_DIR=$(cd "$IMAGE_DIR" && pwd)
    take_lock
    # A local disk, not IMAGE_DIR: building as an ordinary user does not work on most network file systems.
    scratch=${APPTAINER_TMPDIR:-${SINGULARITY_TMPDIR:-/var/tmp}}
    BUILD_ROOT=$(mktemp -d "$scratch/simsort-build-XXXXXX") || fail "cannot write to $scratch: set APPTAINER_TMPDIR to a local disk"
    trap clean_up EXIT
    trap 'exit 143' TERM
    trap 'exit 130' INT
    for name in "$@"; do build_image "$name"; done
}

main() {
    local mode=build name=""
    while [ $# -gt 0 ]; do
        case $1 in
        -h | --help) usage; exit 0 ;;
        --print | --check | --config) mode=${1#--} ;;
        --debian-mirror) debian_mirror; exit 0 ;;
        base | spikeinterface | gpu | simulation | all)
            [ -z "$name" ] || fail "two images named, '$name' and '$1': name one, or all"
            name=$1
            ;;
        *) fail "unknown argument '$1': allowed are --print, --check, --config, base, spikeinterface, gpu, simulation, all (see --help)" ;;
        esac
        shift
    done
    name=${name:-all}
    local -a names=("$name")
    [ "$name" != all ] || names=(base spikeinterface gpu simulation)
    case $mode in
    print) for name in "${names[@]}"; do image_path "$name"; done ;;
    config) write_config ;;
    check) for name in "${names[@]}"; do check_image "$name"; done ;;
    build)
        [ "${names[0]}" = base ] || names=(base "${names[@]}")
        build_images "${names[@]}"
        ;;
    esac
}

main "$@"
exit # bash reads a script as it runs: never what an edit under a running build has appended
