// Scores the trained model on held-out simulated recordings; gives the model folder with its scores.
process EVALUATE_MODEL {
    label 'gpu'

    input:
    path model, stageAs: 'trained'
    path simulated
    val settings
    tuple path(scripts), val(source_hash)

    output:
    path 'model', emit: model

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    cat > config.json <<'JSON'
    ${settings}
    JSON
    python3 -m simsort evaluate-model --config config.json --model trained --cells library --out model
    """

    stub:
    """
    cp -r trained/ model
    """
}
