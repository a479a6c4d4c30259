// --workflow pretrain, and the first part of --workflow all: cells simulated in shards, labelled recordings rendered from them, a manifest of both; then a model
// trained on the cells and scored.

include { parseJson; toJson; givenParameters; requireImage } from './functions'
include { CHECK_PARAMS       } from '../check_params/main'
include { COMPILE_MECHANISMS } from '../compile_mechanisms/main'
include { SIMULATE           } from '../simulate/main'
include { RENDER             } from '../render/main'
include { FAILURES           } from '../failures/main'
include { MANIFEST           } from '../manifest/main'
include { PRETRAIN_MODEL     } from '../pretrain/main'
include { EVALUATE_MODEL     } from '../evaluate_model/main'

// Cells finished by an earlier or a killed run stay in this folder, one store for each configuration.
def simulationFolder() {
    def folder = file("${workflow.workDir}/simulation")
    folder.mkdirs()
    return folder
}

// Checkpoints of a killed or an earlier training stay in this folder, one training for each configuration.
def trainingFolder() {
    def folder = file("${workflow.workDir}/pretraining")
    folder.mkdirs()
    return folder
}

// Cells and probes of the user lie outside the work folder; staging them makes containers see them.
def usersFiles(resolved) {
    def named = [resolved.simulation.cells] + resolved.rendering.probes
    return named.findAll { name -> name.startsWith('/') && file(name, glob: false).exists() }.collect { name -> file(name, glob: false) }
}

workflow PRETRAIN {
    take:
    source

    main:
    requireImage(params.image_simulation)
    requireImage(params.image_gpu)
    def folder = simulationFolder()

    // MODULE: every setting from every road, checked in seconds
    CHECK_PARAMS(toJson(givenParameters()), source)
    ch_resolved = CHECK_PARAMS.out.resolved.map { resolved -> parseJson(resolved.text) }
    ch_settings = ch_resolved.map { it -> toJson([simulation: it.simulation, rendering: it.rendering]) }
    ch_files = ch_resolved.map { it -> usersFiles(it) }

    // MODULE: mechanisms compiled once; which cells are still to be simulated, and what that takes
    COMPILE_MECHANISMS(ch_settings, folder, ch_files, source)
    ch_plan = COMPILE_MECHANISMS.out.plan.map { plan -> parseJson(plan.text) }
    ch_plan.view { plan -> plan.summary.collect { line -> "simsort: ${line}" }.join('\n') }

    // MODULE: one job of an array for each shard in which a cell is missing or damaged
    ch_shards = ch_plan.flatMap { plan ->
        plan.shards_to_do.collect { shard -> tuple([id: "shard${shard.index}", config_hash: plan.config_hash, n_cells: shard.n_cells, core_min: shard.core_min], shard.index, plan.n_shards) }
    }
    SIMULATE(ch_shards, folder, ch_settings, ch_files, source)

    // MODULE: one job for each recording, when every cell is there
    ch_simulated = SIMULATE.out.record.collect().ifEmpty([])
    ch_recordings = ch_plan.combine(ch_simulated.map { records -> records.size() })
        .filter { plan, n_records -> n_records == plan.shards_to_do.size() }
        .flatMap { plan, _n_records -> plan.recordings.collect { it -> tuple([id: it.name, n_channels: it.n_channels, duration_min: it.duration_s / 60], plan.config_hash) } }
    RENDER(ch_recordings, folder, ch_settings, ch_files, source)

    // MODULE: what there is, with checksums, and what failed
    ch_rendered = RENDER.out.recording.collect().ifEmpty([])
    FAILURES("${file(params.results_path, glob: false)}/nextflow/trace.txt", ch_rendered.combine(ch_simulated).map { it -> it.size() }, source)
    MANIFEST(ch_rendered, ch_plan.map { it -> it.config_hash }, folder, ch_settings, FAILURES.out.failures, ch_files, source)

    // MODULE: a detector and an encoder; recordings are drawn from the cells while they train
    ch_training = ch_resolved.map { it -> toJson(it.pretraining) }
    PRETRAIN_MODEL(MANIFEST.out.results, trainingFolder(), ch_training, source)

    // MODULE: the model's scores on held-out cells and probes
    EVALUATE_MODEL(PRETRAIN_MODEL.out.model, MANIFEST.out.results, ch_training, source)

    emit:
    model = EVALUATE_MODEL.out.model
    simulated = MANIFEST.out.results
}
