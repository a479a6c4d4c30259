// Fine-tunes a model on one preprocessed recording; the old one comes out where the new one would lose anything.
process FINETUNE {
    label 'gpu'
    tag "${meta.id}"

    input:
    tuple val(meta), path(preprocessed), path(model, stageAs: 'given')
    path simulated, stageAs: 'simulated/*' // what MANIFEST made, to rehearse the cells in library/; or nothing
    val settings
    tuple path(scripts), val(source_hash)

    output:
    tuple val(meta), path('model'), emit: model

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    cat > config.json <<'JSON'
    ${settings}
    JSON
    python3 -m simsort finetune ${preprocessed} --config config.json --model given ${simulated ? "--cells simulated/library" : ""} --n-jobs ${task.cpus} --out model
    """

    stub:
    """
    cp -rL given model
    """
}
