// Finds the recordings of a session and checks each: one job file per probe stream, segment and shank.
process DISPATCH {
    label 'light'
    cache false // headers only, and it must notice changed data; later tasks are cached by what it finds

    input:
    tuple val(data), val(data_name)
    path probe_files, stageAs: 'probe_files/*' // staged so that containers see them
    val settings
    tuple path(scripts), val(source_hash)

    output:
    path 'jobs/*.json', emit: jobs
    path 'jobs/records/*/record.json', emit: records

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    cat > config.json <<'JSON'
    ${settings}
    JSON
    cat > data_path.txt <<'NAME'
    ${data}
    NAME
    cat > data_name.txt <<'NAME'
    ${data_name}
    NAME
    ln -s "\$(cat data_path.txt)" ecephys_session
    python3 -m simsort dispatch --data "ecephys_session\$(cat data_name.txt)" --config config.json --keep-going --out jobs
    """

    // As many recordings as simsort bench scale asks for.
    stub:
    """
    for i in \$(seq 1 ${System.getenv('SIMSORT_STUB_RECORDINGS') ?: 1}); do
        mkdir -p jobs/records/\$i
        echo "{\\"recording_name\\": \\"stub_recording\$i\\", \\"nwb_name\\": \\"stub_recording\$i\\", \\"session_name\\": \\"stub\\", \\"state\\": \\"ready\\", \\"duration_s\\": 60, \\"n_channels\\": 32}" > jobs/\$i.json
        echo "{\\"stage\\": \\"dispatch\\", \\"recording_name\\": \\"stub_recording\$i\\", \\"session_name\\": \\"stub\\", \\"state\\": \\"done\\"}" > jobs/records/\$i/record.json
    done
    """
}
