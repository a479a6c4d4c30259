# Sourced by spike_sort.slm: what the stages may ask for at most, of this machine or of the partitions they go to.
# Sets SIMSORT_MAX_CPUS, SIMSORT_MAX_MEMORY and SIMSORT_MAX_TIME unless the user has.

machine_limits() {
    local kilobytes
    kilobytes=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)
    export SIMSORT_MAX_CPUS=${SIMSORT_MAX_CPUS:-$(nproc)}
    export SIMSORT_MAX_MEMORY=${SIMSORT_MAX_MEMORY:-$((kilobytes * 9 / 10 / 1024)) MB}
    export SIMSORT_MAX_TIME=${SIMSORT_MAX_TIME:-48 h}
}

# The smallest node and the shortest time limit of the partitions named: a request beyond them would never start.
partition_limits() {
    local partitions=$1 cpus memory minutes
    read -r cpus memory minutes < <(sinfo -h -e ${partitions:+-p "$partitions"} -o '%c %m %l' | awk '
        function minutes(limit,   days, part, n) {
            if (limit == "infinite") return 48 * 60
            days = 0
            if (split(limit, part, "-") == 2) { days = part[1]; limit = part[2] }
            n = split(limit, part, ":")
            if (n == 3) return days * 1440 + part[1] * 60 + part[2]
            if (n == 2) return days * 1440 + (days ? part[1] * 60 + part[2] : part[1])
            return days * 1440 + (days ? part[1] * 60 : part[1])
        }
        {
            gsub(/[+]/, ""); m = minutes($3)
            if (NR == 1 || $1 < cpus) cpus = $1
            if (NR == 1 || $2 < memory) memory = $2
            if (NR == 1 || m < shortest) shortest = m
        }
        END { if (NR) print cpus, memory, shortest }') || true # nothing to read: no such partition
    [ -n "${cpus:-}" ] || die "Slurm knows no partition '$partitions': set CPU_PARTITION and GPU_PARTITION to names that sinfo lists"
    export SIMSORT_MAX_CPUS=${SIMSORT_MAX_CPUS:-$((cpus < 16 ? cpus : 16))}
    export SIMSORT_MAX_MEMORY=${SIMSORT_MAX_MEMORY:-$((memory < 65536 ? memory : 65536)) MB}
    export SIMSORT_MAX_TIME=${SIMSORT_MAX_TIME:-$minutes min}
}
