// Simulates the cells of one shard in NEURON; those that are finished are kept, whoever made them.
process SIMULATE {
    label 'shard'
    label 'array'
    tag "${meta.id}"
    cache false // the plan lists only shards with something to do

    input:
    tuple val(meta), val(index), val(n_shards)
    path simulation, stageAs: 'simulation'
    val settings
    path users_files, stageAs: 'users_files/*'
    tuple path(scripts), val(source_hash)

    output:
    path 'shard.json', emit: record

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    export SIMSORT_MECHANISMS="\$PWD/simulation/mechanisms"
    cat > config.json <<'JSON'
    ${settings}
    JSON
    python3 -m simsort simulate --config config.json --shard ${index}/${n_shards} --store simulation/${meta.config_hash} --n-jobs ${task.cpus} --record shard.json
    """

    stub:
    """
    echo '{"shard": ${index}}' > shard.json
    """
}
