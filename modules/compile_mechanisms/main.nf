// Compiles the cells' mechanisms once for all shards, and plans: which cells are missing or damaged, what they will cost.
process COMPILE_MECHANISMS {
    label 'light'
    cache false // it looks at what the store of cells holds now

    input:
    val settings
    path simulation, stageAs: 'simulation' // the work folder's own: mechanisms, and a store for each configuration
    path users_files, stageAs: 'users_files/*' // staged so that containers see them
    tuple path(scripts), val(source_hash)

    output:
    path 'plan.json', emit: plan

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    export SIMSORT_MECHANISMS="\$PWD/simulation/mechanisms"
    cat > config.json <<'JSON'
    ${settings}
    JSON
    python3 -m simsort compile-mechanisms --config config.json --stores simulation --out plan.json
    """

    stub:
    """
    echo '{"config_hash": "stub", "n_shards": 2, "shards_to_do": [{"index": 0, "n_cells": 1, "core_min": 1}, {"index": 1, "n_cells": 1, "core_min": 1}], "recordings": [{"name": "stub_00", "n_channels": 4, "duration_s": 60}], "summary": ["stub"]}' > plan.json
    """
}
