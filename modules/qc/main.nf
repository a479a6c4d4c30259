// Judges one recording: pass, warn or fail of each measure, with pictures. What a stage did not leave is unknown.
process QC {
    label 'medium'
    tag "${meta.id}"

    input:
    tuple val(meta), val(job), path(preprocessed), path(curated)
    tuple val(data), val(data_name)
    val settings
    tuple path(scripts), val(source_hash)

    output:
    tuple val(meta), path('qc'), emit: qc
    path 'qc/record.json', emit: record
    path 'quality_control', emit: quality_control, optional: true

    script:
    def before = (preprocessed ? "--preprocessed ${preprocessed}" : '') + (curated ? " --curated ${curated}" : '')
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
    python3 -m simsort qc --config config.json --job job.json --data "ecephys_session\$(cat data_name.txt)" ${before} --n-jobs ${task.cpus} --out qc
    # Linked, as Nextflow publishes nothing from inside a folder that is an output itself.
    [ ! -e qc/quality_control ] || ln -s qc/quality_control .
    """

    stub:
    """
    mkdir qc
    echo '{"stage": "qc", "recording_name": "${meta.id}", "session_name": "stub", "state": "done"}' > qc/record.json
    """
}
