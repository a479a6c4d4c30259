// Labels the units of one recording by the quality rule and by models; all units are kept.
process CURATE {
    label 'light'
    tag "${meta.id}"

    input:
    tuple val(meta), path(sorted), path(postprocessed)
    path noise_model, stageAs: 'unitrefine_noise' // a UnitRefine model, staged so that containers see it, or none
    path sua_model, stageAs: 'unitrefine_sua'
    val settings
    tuple path(scripts), val(source_hash)

    output:
    tuple val(meta), path('curated'), emit: curated
    path 'curated/record.json', emit: record
    path 'sorting', emit: sorting, optional: true

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    cat > config.json <<'JSON'
    ${settings}
    JSON
    python3 -m simsort curate --config config.json --sorted ${sorted} --postprocessed ${postprocessed} \\
        ${noise_model ? '--unitrefine-noise unitrefine_noise' : ''} ${sua_model ? '--unitrefine-sua unitrefine_sua' : ''} \\
        --out curated
    # Linked, as Nextflow publishes nothing from inside a folder that is an output itself.
    [ ! -e curated/sorting ] || ln -s curated/sorting .
    """

    stub:
    """
    mkdir curated
    echo '{"stage": "curate", "recording_name": "${meta.id}", "session_name": "stub", "state": "done"}' > curated/record.json
    """
}
