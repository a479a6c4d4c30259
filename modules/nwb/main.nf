// Writes the NWB file of one recording: all its probes, their electrodes, LFP and units.
process NWB {
    label 'medium'
    tag "${meta.id}"

    input:
    tuple val(meta), val(jobs), path(preprocessed, stageAs: 'preprocessed/?'), path(postprocessed, stageAs: 'postprocessed/?'), path(curated, stageAs: 'curated/?')
    tuple val(data), val(data_name)
    val settings
    tuple path(scripts), val(source_hash)

    output:
    path 'nwb/records/*/record.json', emit: records
    path '*.nwb', emit: file, optional: true

    script:
    """
    . ${scripts}/task_env.sh ${task.cpus}
    cat > config.json <<'JSON'
    ${settings}
    JSON
    cat > jobs.json <<'JSON'
    ${jobs}
    JSON
    cat > data_path.txt <<'NAME'
    ${data}
    NAME
    cat > data_name.txt <<'NAME'
    ${data_name}
    NAME
    ln -s "\$(cat data_path.txt)" ecephys_session
    python3 -m simsort nwb --config config.json --jobs jobs.json --data "ecephys_session\$(cat data_name.txt)" --preprocessed preprocessed --postprocessed postprocessed --curated curated --out nwb
    # Linked, as Nextflow publishes nothing from inside a folder that is an output itself.
    for file in nwb/*.nwb; do [ ! -e "\$file" ] || ln -s "\$file" .; done
    """

    stub:
    """
    mkdir -p nwb/records/0
    echo '{"stage": "nwb", "recording_name": "stub_recording1", "session_name": "stub", "state": "done"}' > nwb/records/0/record.json
    """
}
