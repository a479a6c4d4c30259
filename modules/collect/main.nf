// Writes the summary files and index.html over everything that happened.
process COLLECT {
    label 'light'
    cache false // as FAILURES

    input:
    path records, stageAs: 'records/?.json'
    path failures
    path resolved
    tuple val(data), val(data_name)
    tuple path(scripts), val(source_hash)

    output:
    path 'results/*', emit: results

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    cat > data_path.txt <<'NAME'
    ${data}
    NAME
    cat > data_name.txt <<'NAME'
    ${data_name}
    NAME
    ln -s "\$(cat data_path.txt)" ecephys_session
    python3 -m simsort collect --records records --failures ${failures} --parameters ${resolved} \\
        --data "ecephys_session\$(cat data_name.txt)" --out results
    """

    stub:
    """
    mkdir results
    touch results/index.html
    echo '{"session": "stub", "recordings": {}, "verdicts": {"stub_recording1": {"state": "done", "reason": "", "stage": null, "n_units": 0, "n_passing": null}}, "session_failures": []}' > results/status.json
    """
}
