#!/usr/bin/env bash
# Copy built images into a folder of one's choice, for example onto a cluster where they cannot be built.
# A copied image is checked against its .sha256 and appears under its name only when it is whole.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'USAGE'
usage: containers/pull.sh [--all] [DEST] [SOURCE]

  DEST     folder to copy into (default: $EPHYS_CONTAINER_DIR)
  SOURCE   where built images are: a folder, or HOST:FOLDER for ssh (default: none, see below)
  --all    every image in SOURCE that has a .sha256, not only those of this checkout

Copies the images this checkout names (containers/build.sh --print), skips those already there, and checks each
against its .sha256. Without a SOURCE the images are built into DEST with containers/build.sh. Afterwards:

    export EPHYS_CONTAINER_DIR=DEST

Examples
    containers/pull.sh /shared/containers laptop:simsort/containers/images    on the cluster, fetching
    containers/pull.sh /shared/containers /scratch/colleague/containers       from a folder
    containers/pull.sh /shared/containers                                     build there
USAGE
}

fail() {
    echo "pull.sh: $*" >&2
    exit 2
}

is_remote() { # HOST:FOLDER, unless such a folder is here
    [[ $1 == *:* && ${1%%:*} != */* && ! -e $1 ]]
}

check_source() {
    if is_remote "$1"; then
        command -v rsync > /dev/null || command -v scp > /dev/null \
            || fail "copying from $1 needs rsync or scp, neither is on PATH: install one"
    else
        [ -d "$1" ] || fail "source folder $1 does not exist: give the folder that holds the .sif files, or HOST:FOLDER"
    fi
}

list_images() { # names of all images in SOURCE that have a checksum
    local names
    if is_remote "$1"; then
        # shellcheck disable=SC2029  # the folder's name is quoted for the other side
        names=$(ssh "${1%%:*}" "cd $(printf %q "${1#*:}") && ls -1" < /dev/null) || fail "cannot list $1: check the host and the folder with ssh"
    else
        names=$(ls -1 "$1")
    fi
    sed -n 's/\.sif\.sha256$/.sif/p' <<< "$names"
}

fetch() { # fetch SOURCE NAME TARGET; ssh must not eat the list of names on standard input
    if ! is_remote "$1"; then
        cp -- "$1/$2" "$3"
    elif command -v rsync > /dev/null; then
        rsync --protect-args --times "$1/$2" "$3" < /dev/null
    else
        scp -q -p "$1/$2" "$3" < /dev/null
    fi
}

read_checksum() { # the 64 hex digits, whatever stands behind them
    grep -o -E -m 1 '^[0-9a-f]{64}' "$1" || true
}

copy_image() { # copy_image SOURCE NAME DEST
    local source=$1 name=$2 dest=$3 partial=$3/.partial-$2 wanted found
    if [ -f "$dest/$name" ]; then
        echo "pull.sh: $name is there already" >&2
        return
    fi
    echo "pull.sh: copying $name" >&2
    fetch "$source" "$name.sha256" "$partial.sha256" \
        || fail "$source has no $name.sha256: build it there from this same commit with containers/build.sh"
    wanted=$(read_checksum "$partial.sha256")
    [ -n "$wanted" ] || fail "$source/$name.sha256 holds no SHA-256 sum: rebuild the image there"
    fetch "$source" "$name" "$partial" || fail "cannot copy $name from $source to $dest (see above)"
    found=$(sha256sum "$partial" | cut -c1-64)
    if [ "$found" != "$wanted" ]; then
        rm -f "$partial" "$partial.sha256"
        fail "$name from $source is corrupted: its SHA-256 is $found, $name.sha256 says $wanted; copy again, or rebuild it there"
    fi
    mv "$partial.sha256" "$dest/$name.sha256"
    mv "$partial" "$dest/$name"
}

copy_images() { # copy_images ALL DEST SOURCE
    local all=$1 dest=$2 source=$3 name names
    check_source "$source"
    if [ "$all" = yes ]; then
        names=$(list_images "$source")
        [ -n "$names" ] || fail "$source holds no images with a .sha256 beside them: build some there with containers/build.sh"
    else
        names=$("$HERE/build.sh" --print all | grep -v '/base-[0-9a-f]*\.sif$')
        names=$(sed 's|.*/||' <<< "$names")
    fi
    exec 9> "$dest/.lock" # the same lock as build.sh: its clean-up removes every partial file
    flock --nonblock 9 || { echo "pull.sh: another build or copy works in $dest: waiting for it" >&2; flock 9; }
    rm -rf "$dest"/.partial-*
    while read -r name; do copy_image "$source" "$name" "$dest"; done <<< "$names"
}

main() {
    local all=no
    local -a places=()
    while [ $# -gt 0 ]; do
        case $1 in
        -h | --help) usage; exit 0 ;;
        --all) all=yes ;;
        -*) fail "unknown option '$1': allowed are --all and --help" ;;
        *) places+=("$1") ;;
        esac
        shift
    done
    [ ${#places[@]} -le 2 ] || fail "more than two places given: it takes a destination and a source (see --help)"
    local dest=${places[0]:-${EPHYS_CONTAINER_DIR:-}} source=${places[1]:-}
    [ -n "$dest" ] || fail "no destination: give a folder, or set EPHYS_CONTAINER_DIR"
    ! is_remote "$dest" || fail "destination $dest is on another machine: run pull.sh there, with this machine as the source"
    mkdir -p "$dest" 2> /dev/null && [ -w "$dest" ] || fail "cannot write to $dest: choose a folder of your own"
    dest=$(cd "$dest" && pwd)
    if [ -n "$source" ]; then
        copy_images "$all" "$dest" "${source%/}"
    else
        EPHYS_CONTAINER_DIR=$dest "$HERE/build.sh" all
    fi
    echo "pull.sh: done; now set: export EPHYS_CONTAINER_DIR=$(printf %q "$dest")" >&2
}

main "$@"
