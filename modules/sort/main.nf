// Runs the spike sorter on one preprocessed recording.
process SORT {
    label 'heavy'
    tag "${meta.id}"

    input:
    tuple val(meta), path(preprocessed), path(model, stageAs: 'model') // a model folder, or none
    val sorter
    val settings
    tuple path(scripts), val(source_hash)

    output:
    tuple val(meta), path('sorted'), emit: sorted
    path 'sorted/record.json', emit: record
    path 'sorting', emit: sorting, optional: true

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    cat > config.json <<'JSON'
    ${settings}
    JSON
    python3 -m simsort sort --config config.json --preprocessed ${preprocessed} --sorter ${sorter} ${model ? "--model model" : ""} --n-jobs ${task.cpus} --out sorted
    # Linked, as Nextflow publishes nothing from inside a folder that is an output itself.
    [ ! -e sorted/sorting ] || ln -s sorted/sorting .
    """

    stub:
    """
    mkdir sorted
    echo '{"stage": "sort", "recording_name": "${meta.id}", "session_name": "stub", "state": "done"}' > sorted/record.json
    """
}
