// Computes the sorting analyzer of one recording, with all extensions and quality metrics.
process POSTPROCESS {
    label 'heavy'
    tag "${meta.id}"

    input:
    tuple val(meta), path(preprocessed), path(sorted)
    tuple val(data), val(data_name)
    val settings
    tuple path(scripts), val(source_hash)

    output:
    tuple val(meta), path('postprocessed'), emit: postprocessed
    path 'postprocessed/record.json', emit: record
    path 'analyzer.zarr', emit: analyzer, optional: true

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
    python3 -m simsort postprocess --config config.json --preprocessed ${preprocessed} --sorted ${sorted} --data "ecephys_session\$(cat data_name.txt)" --n-jobs ${task.cpus} --out postprocessed
    # Linked, as Nextflow publishes nothing from inside a folder that is an output itself.
    [ ! -e postprocessed/analyzer.zarr ] || ln -s postprocessed/analyzer.zarr .
    """

    stub:
    """
    mkdir postprocessed
    echo '{"stage": "postprocess", "recording_name": "${meta.id}", "session_name": "stub", "state": "done"}' > postprocessed/record.json
    """
}
