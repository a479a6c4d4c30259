#!/usr/bin/env bash
# A real Slurm of three nodes on one machine, for the tests: cpu1 and cpu2 (partition cpu, the default) and gpu1
# (partition gpu) with a stand-in for a GPU. Everything is on the loopback address and under one state folder.
set -euo pipefail

NODES="cpu1 cpu2 gpu1"
STATE=${SIMSORT_SLURM_STATE:-/var/tmp/simsort-slurm}
NODE_CPUS=${SIMSORT_SLURM_CPUS:-4}
NODE_MEMORY_MB=${SIMSORT_SLURM_MEMORY_MB:-16000}
# Four ports from here on, away from Slurm's own 6817 and 6818.
PORT=${SIMSORT_SLURM_PORT:-26817}
export SLURM_CONF=$STATE/slurm.conf

usage() {
    cat <<'USAGE'
usage: tests/cluster/slurm.sh start|stop|status|env [STATE]      (default: /var/tmp/simsort-slurm)
       tests/cluster/slurm.sh kill NODE|slurmctld
       tests/cluster/slurm.sh faketime NODE OFFSET

  start   start what does not run (also a single node that was killed); prints the line to source
  stop    cancel all jobs and stop the daemons started from STATE
  status  print the nodes; exit 1 unless all three are up
  env     print the line to source: export SLURM_CONF=...
  kill    kill -9 a node with all its jobs' processes, as when it loses its power, or slurmctld alone
  faketime  start a node again with a clock that is off, by for example +120s

Needs root; jobs are submitted by any user with SLURM_CONF set. From the environment: SIMSORT_SLURM_STATE,
SIMSORT_SLURM_CPUS (4) and SIMSORT_SLURM_MEMORY_MB (16000) per node, which may be more than the machine has,
and SIMSORT_SLURM_PORT (26817, and the three above it).
USAGE
}

fail() {
    echo "slurm.sh: $*" >&2
    exit 2
}

# Pids are reused, so the program's name is checked too; a zombie that nobody collected is not alive.
alive() { # alive PID PROGRAM
    local name="" state=""
    read -r name state < <(awk '$1 == "Name:" { name = $2 } $1 == "State:" { print name, $2 }' "/proc/$1/status" 2> /dev/null) || true
    [ "$name" = "$2" ] && [ "$state" != Z ] && [ "$state" != X ]
}

running() { # running PIDFILE PROGRAM
    local pid=""
    read -r pid 2> /dev/null < "$1" || true
    [ -n "$pid" ] && alive "$pid" "$2"
}

any_running() {
    local node
    running "$STATE/slurmctld.pid" slurmctld && return
    for node in $NODES; do running "$STATE/$node.pid" slurmd && return; done
    return 1
}

# --- configuration --------------------------------------------------------------------------------------------

# Low latencies, because tests wait for the scheduler; memory is watched by polling, because cgroups may not be
# ours to use; config_overrides, because the nodes claim more than the machine has.
write_configuration() {
    local host
    host=$(uname -n)
    mkdir -p "$STATE"/{state,spool,log}
    chmod 755 "$STATE" "$STATE"/{spool,log}
    chmod 700 "$STATE/state"
    cat > "$STATE/slurm.conf" <<CONF
ClusterName=simsort
SlurmctldHost=${host%%.*}(127.0.0.1)
SlurmctldPort=$PORT
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
MpiDefault=none

StateSaveLocation=$STATE/state
SlurmdSpoolDir=$STATE/spool/%n
SlurmctldPidFile=$STATE/slurmctld.pid
SlurmdPidFile=$STATE/%n.pid
SlurmctldLogFile=$STATE/log/slurmctld.log
SlurmdLogFile=$STATE/log/%n.log

ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
DefMemPerCPU=1000

JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none

ReturnToService=2
SlurmctldTimeout=20
SlurmdTimeout=20
KillWait=5
MinJobAge=600
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=100000,bf_interval=2
PropagateResourceLimits=NONE

NodeName=cpu[1-2] NodeHostname=${host%%.*} NodeAddr=127.0.0.1 Port=[$((PORT + 1))-$((PORT + 2))] CPUs=$NODE_CPUS RealMemory=$NODE_MEMORY_MB State=UNKNOWN
NodeName=gpu1 NodeHostname=${host%%.*} NodeAddr=127.0.0.1 Port=$((PORT + 3)) CPUs=$NODE_CPUS RealMemory=$NODE_MEMORY_MB Gres=gpu:1 State=UNKNOWN
PartitionName=cpu Nodes=cpu[1-2] Default=YES DefaultTime=01:00:00 MaxTime=1-00:00:00 State=UP
PartitionName=gpu Nodes=gpu1 DefaultTime=01:00:00 MaxTime=1-00:00:00 State=UP
CONF
    # The stand-in: a device that exists everywhere. Jobs see CUDA_VISIBLE_DEVICES=0 and no GPU behind it.
    echo 'NodeName=gpu1 Name=gpu File=/dev/null' > "$STATE/gres.conf"
}

# --- munge ----------------------------------------------------------------------------------------------------

munge_works() {
    munge -n 2> /dev/null | unmunge > /dev/null 2>&1
}

start_munge() {
    if munge_works; then return; fi
    install -d -o munge -g munge -m 700 /etc/munge /var/lib/munge /var/log/munge
    install -d -o munge -g munge -m 755 /run/munge
    if [ ! -s /etc/munge/munge.key ]; then
        (umask 077 && head -c 128 /dev/urandom > /etc/munge/munge.key)
        chown munge: /etc/munge/munge.key
    fi
    runuser -u munge -- /usr/sbin/munged --pid-file=/run/munge/munged.pid \
        || fail "munged does not start: see /var/log/munge/munged.log"
    # Only a munged that we started is ours to stop.
    cp /run/munge/munged.pid "$STATE/munged.pid"
    wait_until 10 munge_works || fail "munged runs but answers nothing: see /var/log/munge/munged.log"
}

# --- start and stop -------------------------------------------------------------------------------------------

wait_until() { # wait_until SECONDS COMMAND...
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.2
    done
}

all_nodes_up() {
    local count
    count=$(sinfo --noheader --Node --format '%N %T' 2> /dev/null | sort -u | grep -c -E ' (idle|mixed|allocated|completing)$' || true)
    [ "$count" -eq 3 ]
}

check_machine() {
    local program
    [ "$(id -u)" -eq 0 ] || fail "starting and stopping Slurm needs root: run it as root"
    for program in slurmctld slurmd munged sinfo; do
        command -v "$program" > /dev/null || fail "'$program' is missing: run tests/cluster/install_debian.sh"
    done
}

start_daemons() {
    local node
    # -c: a cluster of tests starts without yesterday's jobs; a lone slurmctld that died keeps them.
    if ! running "$STATE/slurmctld.pid" slurmctld; then
        slurmctld ${1:+"$1"} < /dev/null >> "$STATE/log/start.log" 2>&1 || fail "slurmctld does not start: see $STATE/log/slurmctld.log"
    fi
    for node in $NODES; do
        running "$STATE/$node.pid" slurmd && continue
        slurmd -N "$node" < /dev/null >> "$STATE/log/start.log" 2>&1 || fail "slurmd of $node does not start: see $STATE/log/$node.log"
    done
}

# A slurmctld that was killed has forgotten its last seconds, gives a job's number again, and then drains the job's node.
resume_drained() {
    local node
    wait_until 10 sinfo --noheader > /dev/null 2>&1 || return 0
    for node in $(sinfo --noheader --Node --states=drain --format %N 2> /dev/null | sort -u); do
        scontrol update "NodeName=$node" State=RESUME
    done
}

start() {
    local clean=""
    check_machine
    if ! any_running; then
        write_configuration
        clean=-c
    fi
    start_munge
    start_daemons "$clean"
    resume_drained
    if ! wait_until 60 all_nodes_up; then
        sinfo --Node --long >&2 || true
        fail "not all nodes came up within 60 s: see $STATE/log/"
    fi
    print_environment
}

stop_process() { # stop_process PIDFILE PROGRAM; by pid, because daemons remove the file before they end
    local pid
    if running "$1" "$2"; then
        pid=$(cat "$1")
        kill "$pid"
        wait_until 10 ended "$pid" "$2" || kill -9 "$pid"
    fi
    rm -f "$1"
}

ended() {
    ! alive "$@"
}

no_jobs() {
    [ -z "$(squeue --noheader --format %A 2> /dev/null)" ]
}

# Jobs first: their processes outlive a slurmd.
cancel_jobs() {
    local jobs
    jobs=$(timeout 10 squeue --noheader --format %A 2> /dev/null || true)
    [ -n "$jobs" ] || return 0
    # shellcheck disable=SC2086
    timeout 10 scancel $jobs || true
    wait_until 15 no_jobs || echo "slurm.sh: some jobs did not end within 15 s" >&2
}

stop() {
    local node
    check_machine
    if running "$STATE/slurmctld.pid" slurmctld; then cancel_jobs; fi
    for node in $NODES; do stop_process "$STATE/$node.pid" slurmd; done
    stop_process "$STATE/slurmctld.pid" slurmctld
    stop_process "$STATE/munged.pid" munged
}

status() {
    local node up=0
    running "$STATE/slurmctld.pid" slurmctld || { echo "slurm.sh: not running ($STATE)"; exit 1; }
    for node in $NODES; do
        running "$STATE/$node.pid" slurmd || { echo "slurm.sh: slurmd of $node does not run"; up=1; }
    done
    sinfo --Node --long
    all_nodes_up && return $up
}

# --- faults ---------------------------------------------------------------------------------------------------

kill_daemon() {
    local name=$1 program=slurmd process
    [ "$name" = slurmctld ] && program=slurmctld
    running "$STATE/$name.pid" "$program" || fail "$name does not run"
    kill -9 "$(cat "$STATE/$name.pid")"
    rm -f "$STATE/$name.pid"
    [ "$program" = slurmd ] || return 0
    # Jobs live on without their slurmd, but not without their node. First who would tell slurmctld of their end: the
    # daemon of each job, known by the node's log that it writes.
    for process in $(find /proc/[0-9]*/fd -lname "$STATE/log/$name.log" 2> /dev/null | cut -d/ -f3 | sort -u || true); do
        ! alive "$process" slurmstepd || kill -9 "$process"
    done
    for process in /proc/[0-9]*; do
        if grep -qsz "^SLURMD_NODENAME=$name$" "$process/environ" && grep -qsz "^SLURM_CONF=$SLURM_CONF$" "$process/environ"; then
            kill -9 "${process#/proc/}" 2> /dev/null || true
        fi
    done
}

fake_time() {
    local node=$1 offset=$2 library
    library=$(find /usr/lib -name libfaketime.so.1 -print -quit)
    [ -n "$library" ] || fail "libfaketime is missing: apt-get install faketime"
    stop_process "$STATE/$node.pid" slurmd
    LD_PRELOAD=$library FAKETIME=$offset slurmd -N "$node" < /dev/null >> "$STATE/log/start.log" 2>&1 \
        || fail "slurmd of $node does not start: see $STATE/log/$node.log"
    wait_until 60 all_nodes_up || fail "$node did not come up within 60 s"
}

print_environment() {
    printf 'export SLURM_CONF=%q\n' "$SLURM_CONF"
}

main() {
    case ${1:-} in
    kill) kill_daemon "${2:?}"; return ;;
    faketime) fake_time "${2:?}" "${3:?}"; return ;;
    esac
    if [ $# -ge 2 ]; then
        STATE=$2
        export SLURM_CONF=$STATE/slurm.conf
    fi
    case $STATE in
    /*[[:space:]]* | [!/]*) fail "state folder '$STATE': it must be an absolute path without spaces (Slurm's configuration has no quotes)" ;;
    esac
    case ${1:-} in
    start) start ;;
    stop) stop ;;
    status) status ;;
    env) print_environment ;;
    -h | --help) usage ;;
    *) fail "unknown command '${1:-}': allowed are start, stop, status, env (see --help)" ;;
    esac
}

main "$@"
exit
