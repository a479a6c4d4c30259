#!/usr/bin/env bash
# Make the ordinary user who submits the test jobs and builds the images: Slurm and Apptainer are to be
# tested as people use them, and Apptainer builds want a user with subordinate ids. Idempotent; needs root.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: tests/cluster/user.sh [NAME]        (default: simsort)

Creates user NAME if it is missing, gives it ranges in /etc/subuid and /etc/subgid, makes /dev/fuse usable
and creates the cache of the tests, ${SIMSORT_TEST_CACHE:-/var/cache/simsort-test}/images, owned by NAME.
USAGE
}

fail() {
    echo "user.sh: $*" >&2
    exit 2
}

# First number above every range in the file, so ranges never overlap.
next_free_id() {
    awk -F: 'BEGIN { top = 100000 } $2 + $3 > top { top = $2 + $3 } END { print top }' "$1"
}

add_range() { # add_range FILE FLAG USER
    local file=$1 flag=$2 user=$3 first
    touch "$file"
    grep -q "^$user:" "$file" && return
    first=$(next_free_id "$file")
    usermod "$flag" "$first-$((first + 65535))" "$user"
}

make_cache() {
    local cache=${SIMSORT_TEST_CACHE:-/var/cache/simsort-test}
    mkdir -p "$cache"
    chmod 755 "$cache"
    install -d -o "$1" -g "$(id -gn "$1")" -m 755 "$cache/images" "$cache/uv"
}

main() {
    case ${1:-} in -h | --help) usage; exit 0 ;; esac
    local user=${1:-simsort}
    [ "$(id -u)" -eq 0 ] || fail "creating user '$user' needs root: run it as root"
    id "$user" > /dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
    add_range /etc/subuid --add-subuids "$user"
    add_range /etc/subgid --add-subgids "$user"
    # Without udev (containers, small virtual machines) the node may be missing or root's alone.
    [ -e /dev/fuse ] || mknod /dev/fuse c 10 229 || echo "user.sh: /dev/fuse is missing and cannot be made: images will be unpacked at every start (slow)" >&2
    [ ! -e /dev/fuse ] || chmod 666 /dev/fuse
    make_cache "$user"
}

main "$@"
