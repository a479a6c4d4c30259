// Checks every cell and recording, copies the cells to the results, writes manifest, status and summary page.
process MANIFEST {
    label 'light'
    cache false // as FAILURES

    input:
    path recordings, stageAs: 'recordings/*'
    val config_hash
    path simulation, stageAs: 'simulation'
    val settings
    path failures
    path users_files, stageAs: 'users_files/*'
    tuple path(scripts), val(source_hash)

    output:
    path 'results/*', emit: results

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    cat > config.json <<'JSON'
    ${settings}
    JSON
    mkdir -p recordings
    python3 -m simsort manifest --config config.json --store simulation/${config_hash} --recordings recordings --failures ${failures} --out results
    """

    stub:
    """
    mkdir results
    echo '{}' > results/manifest.json
    touch results/index.html
    echo '{"session": "simulation", "recordings": {}, "verdicts": {"stub_00": {"state": "done", "reason": "", "stage": null, "n_units": 0, "n_passing": null}}, "session_failures": []}' > results/status.json
    """
}
