// Renders one labelled recording from the simulated cells.
process RENDER {
    label 'medium'
    tag "${meta.id}"
    cache 'lenient' // the store's time changes when its folder does; the configuration's hash says what is in it

    input:
    tuple val(meta), val(config_hash)
    path simulation, stageAs: 'simulation'
    val settings
    path users_files, stageAs: 'users_files/*'
    tuple path(scripts), val(source_hash)

    output:
    path "recordings/${meta.id}", emit: recording

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    export SIMSORT_MECHANISMS="\$PWD/simulation/mechanisms"
    cat > config.json <<'JSON'
    ${settings}
    JSON
    python3 -m simsort render --config config.json --store simulation/${config_hash} --recording ${meta.id} --n-jobs ${task.cpus} --out recordings
    """

    stub:
    """
    mkdir -p recordings/${meta.id}
    echo '{}' > recordings/${meta.id}/recording.json
    """
}
