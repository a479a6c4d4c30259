#!/usr/bin/env bash
# Install what `bash tests/run.sh` needs on a fresh Debian 12 machine, as root. Idempotent: a second run
# finds everything there and returns within a second.
set -euo pipefail

PREFIX=${SIMSORT_TEST_PREFIX:-/opt/simsort-test}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$HERE/../.." && pwd)

usage() {
    cat <<'USAGE'
usage: tests/cluster/install_debian.sh

Installs Slurm, Apptainer, debootstrap, Chromium, Firefox, a Java runtime with Maven and small tools from the machine's
own Debian mirror, and creates the user `simsort`. Apptainer, which Debian 12 lacks, is unpacked from Debian sid
into $SIMSORT_TEST_PREFIX/apptainer (default /opt/simsort-test) together with the C library it was built for, and
linked as /usr/local/bin/apptainer; nothing else of sid is installed. An apptainer already on PATH is used as it is.
USAGE
}

fail() {
    echo "install_debian.sh: $*" >&2
    exit 2
}

# apt's own list of what is missing, so that nothing is asked of the network when all is there.
missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || echo "$package"
    done
}

wanted_packages() {
    echo slurm-wlm slurmctld slurmd munge
    echo debootstrap uidmap fakeroot squashfuse fuse-overlayfs squashfs-tools patchelf
    echo chromium firefox-esr python3-venv git rsync ca-certificates procps util-linux
    command -v mvn > /dev/null || echo maven
    command -v java > /dev/null || echo default-jre-headless
}

# invoke-rc.d asks this script whether it may start a daemon. The tests start their own Slurm with their own
# configuration; a munged or slurmd started by the package would only be in the way.
without_starting_daemons() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    "$@" || status=$?
    rm -f "$policy"
    return "$status"
}

install_packages() {
    local missing
    # shellcheck disable=SC2046  # one word per package
    missing=$(missing_packages $(wanted_packages))
    [ -n "$missing" ] || return 0
    echo "install_debian.sh: installing" $missing
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q || fail "apt-get update failed (above): check /etc/apt/sources.list* and the network"
    # shellcheck disable=SC2086
    without_starting_daemons apt-get install -q -y --no-install-recommends $missing \
        || fail "apt-get could not install: $(echo $missing)"
}

sid_options() { # apt options for a private set of lists, apart from the machine's own
    local folder=$1
    printf -- '-o\nDir::Etc::sourcelist=%s/sid.list\n-o\nDir::Etc::sourceparts=/dev/null\n' "$folder"
    printf -- '-o\nDir::State::lists=%s/lists\n-o\nDir::Cache=%s/cache\n-o\nAPT::Sandbox::User=root\n' "$folder" "$folder"
    printf -- '-o\nAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false\n'
}

download_from_sid() { # download_from_sid FOLDER
    local folder=$1 mirror libraries
    local -a options
    mirror=$("$REPO/containers/build.sh" --debian-mirror)
    mkdir -p "$folder/lists/partial" "$folder/cache" "$folder/packages"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" > "$folder/sid.list"
    mapfile -t options < <(sid_options "$folder")
    apt-get "${options[@]}" update -q > "$folder/apt.log" 2>&1 \
        || { tail -3 "$folder/apt.log" >&2; fail "no Debian sid at $mirror: set DEBIAN_MIRROR to a mirror that has it"; }
    libraries=$(apt-cache "${options[@]}" depends apptainer | awk '$1 == "Depends:" && $2 ~ /^lib/ { print $2 }')
    # shellcheck disable=SC2086
    (cd "$folder/packages" && apt-get "${options[@]}" download -q apptainer $libraries > "$folder/apt.log" 2>&1) \
        || { tail -3 "$folder/apt.log" >&2; fail "cannot download apptainer from $mirror sid"; }
}

# RPATH (forced) rather than RUNPATH: only RPATH also holds for the libraries of the libraries.
use_private_libraries() { # use_private_libraries ROOT FINAL_ROOT
    local root=$1 libraries name file
    name=$(cd "$root/usr/lib" && echo ./*-linux-gnu*)
    libraries=$2/usr/lib/${name#./}
    for file in "$root/usr/bin/apptainer" "$root/usr/lib/${name#./}/apptainer/bin/starter"; do
        patchelf --set-interpreter "$libraries/$(basename "$(patchelf --print-interpreter "$file")")" \
            --force-rpath --set-rpath "$libraries" "$file"
    done
    for file in "$root/usr/lib/${name#./}"/lib{seccomp,sqlite3}.so.*; do
        [ -L "$file" ] || patchelf --force-rpath --set-rpath "$libraries" "$file"
    done
}

install_apptainer() {
    local target=$PREFIX/apptainer work package
    if [ -x "$target/usr/bin/apptainer" ]; then
        ln -sf "$target/usr/bin/apptainer" /usr/local/bin/apptainer
        return
    fi
    command -v apptainer > /dev/null && return
    echo "install_debian.sh: installing apptainer into $target"
    mkdir -p "$PREFIX"
    work=$(mktemp -d "$PREFIX/.apptainer-XXXXXX")
    # shellcheck disable=SC2064  # the folder's name is fixed now
    trap "rm -rf '$work'" EXIT
    download_from_sid "$work"
    mkdir "$work/root"
    for package in "$work"/packages/*.deb; do dpkg -x "$package" "$work/root"; done
    # Away from /, Apptainer looks for its configuration and session folder two levels above its own programs:
    # usr for the command, usr/lib for its starter (Debian keeps that in usr/lib/<machine>/apptainer/bin).
    ln -s ../etc ../var "$work/root/usr/"
    ln -s ../../etc ../../var "$work/root/usr/lib/"
    use_private_libraries "$work/root" "$target"
    chmod 755 "$work/root"
    rm -rf "$target"
    mv "$work/root" "$target"
    ln -sf "$target/usr/bin/apptainer" /usr/local/bin/apptainer
    apptainer version > /dev/null || fail "apptainer was unpacked into $target but does not start"
}

main() {
    case ${1:-} in
    -h | --help) usage; exit 0 ;;
    "") ;;
    *) fail "unknown argument '$1': it takes none (see --help)" ;;
    esac
    [ "$(id -u)" -eq 0 ] || fail "installing packages needs root: run it as root (or run the tests without them)"
    command -v apt-get > /dev/null || fail "this machine has no apt-get: the test set-up is for Debian 12"
    install_packages
    install_apptainer
    "$HERE/user.sh"
}

main "$@"
