// Gathers why stages failed, from Nextflow's trace and the task folders; runs in the head job, which sees both.
process FAILURES {
    label 'head'
    cache false // the trace is this run's

    input:
    val trace_file
    val finished // waits for every stage
    tuple path(scripts), val(source_hash)

    output:
    path 'failures.json', emit: failures

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    cat > trace_path.txt <<'NAME'
    ${trace_file}
    NAME
    python3 -m simsort failures --trace "\$(cat trace_path.txt)" --out failures.json
    """

    stub:
    """
    echo '[]' > failures.json
    """
}
