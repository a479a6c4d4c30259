// Trains a detector and an encoder on the simulated cells; gives a model folder.
process PRETRAIN_MODEL {
    label 'gpu'

    input:
    path simulated // what MANIFEST made: library/, manifest.json and the rest
    path pretraining, stageAs: 'pretraining' // the work folder's own: checkpoints, so that a killed training goes on
    val settings
    tuple path(scripts), val(source_hash)

    output:
    path 'model', emit: model
    path 'training', emit: training

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    cat > config.json <<'JSON'
    ${settings}
    JSON
    # Another training for other settings, cells or sources.
    training=pretraining/\$({ cat config.json library/store.json; ls library/cells; echo ${source_hash}; } | sha256sum | cut -c1-16)
    python3 -m simsort pretrain --config config.json --cells library --training "\$training" --n-jobs ${task.cpus} --out model
    mkdir training
    cp -r "\$training"/log.jsonl "\$training"/learning_curve.png "\$training"/tensorboard training/
    """

    stub:
    """
    mkdir model training
    touch model/detector.safetensors model/encoder.safetensors model/MODEL_CARD.md training/log.jsonl
    echo '{"format": 1}' > model/model.json
    """
}
