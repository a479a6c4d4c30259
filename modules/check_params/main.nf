// Validates every parameter before anything heavy; runs in the head job, in seconds. A stub run validates as well.
process CHECK_PARAMS {
    label 'head'

    input:
    val params_json
    tuple path(scripts), val(source_hash)

    output:
    path 'resolved.json', emit: resolved

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    cat > params.json <<'JSON'
    ${params_json}
    JSON
    python3 -m simsort check-params --params params.json --out resolved.json
    """

    stub:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    cat > params.json <<'JSON'
    ${params_json}
    JSON
    python3 -m simsort check-params --params params.json --out resolved.json
    """
}
