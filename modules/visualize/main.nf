// Draws the pictures of one recording.
process VISUALIZE {
    label 'medium'
    tag "${meta.id}"

    input:
    tuple val(meta), val(job), path(preprocessed), path(postprocessed), path(curated)
    tuple val(data), val(data_name)
    val settings
    tuple path(scripts), val(source_hash)

    output:
    tuple val(meta), path('visualization'), emit: visualization
    path 'visualization/record.json', emit: record

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    cat > config.json <<'JSON'
    ${settings}
    JSON
    cat > job.json <<'JSON'
    ${job}
    JSON
    cat > data_path.txt <<'NAME'
    ${data}
    NAME
    cat > data_name.txt <<'NAME'
    ${data_name}
    NAME
    ln -s "\$(cat data_path.txt)" ecephys_session
    python3 -m simsort visualize --config config.json --job job.json --data "ecephys_session\$(cat data_name.txt)" --preprocessed ${preprocessed} --postprocessed ${postprocessed} --curated ${curated} --n-jobs ${task.cpus} --out visualization
    """

    stub:
    """
    mkdir visualization
    echo '{"stage": "visualize", "recording_name": "${meta.id}", "session_name": "stub", "state": "done"}' > visualization/record.json
    """
}
