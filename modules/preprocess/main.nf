// Filters, removes bad channels, references and estimates motion of one recording.
process PREPROCESS {
    label 'heavy'
    tag "${meta.id}"

    input:
    tuple val(meta), val(job)
    tuple val(data), val(data_name)
    val settings
    tuple path(scripts), val(source_hash)

    output:
    tuple val(meta), path('preprocessed'), emit: preprocessed
    path 'preprocessed/record.json', emit: record
    path 'recording.json', emit: chain, optional: true
    path 'motion', emit: motion, optional: true

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
    python3 -m simsort preprocess --config config.json --job job.json --data "ecephys_session\$(cat data_name.txt)" --n-jobs ${task.cpus} --out preprocessed
    # Linked, as Nextflow publishes nothing from inside a folder that is an output itself.
    for made in recording.json motion; do [ ! -e preprocessed/\$made ] || ln -s preprocessed/\$made .; done
    """

    stub:
    """
    mkdir preprocessed
    echo '{"stage": "preprocess", "recording_name": "${meta.id}", "session_name": "stub", "state": "done"}' > preprocessed/record.json
    """
}
