// The workflow: parameters are checked, the session's recordings found, and each goes through the stages on its own; with
// --workflow all a model is trained first, which they are sorted with.
// Usually started by spike_sort.slm; by hand:
//   nextflow -C nextflow_slurm.config run main_slurm.nf -resume --data_path SESSION --results_path RESULTS [--sorter kilosort4 ...]

include { sourceHash; parseJson; toJson; givenParameters; chosenWorkflow; requireImage } from './modules/workflows/functions'
include { PRETRAIN     } from './modules/workflows/pretrain'
include { CHECK_PARAMS } from './modules/check_params/main'
include { DISPATCH     } from './modules/dispatch/main'
include { PREPROCESS   } from './modules/preprocess/main'
include { FINETUNE     } from './modules/finetune/main'
include { SORT         } from './modules/sort/main'
include { POSTPROCESS  } from './modules/postprocess/main'
include { CURATE       } from './modules/curate/main'
include { VISUALIZE    } from './modules/visualize/main'
include { QC           } from './modules/qc/main'
include { NWB          } from './modules/nwb/main'
include { FAILURES     } from './modules/failures/main'
include { COLLECT      } from './modules/collect/main'

// A stage that had nothing to do (too short, too many bad channels) says so in its record; its branch ends there.
def isDone(folder) {
    return parseJson(folder.resolve('record.json').text).state == 'done'
}

// A session is a folder, or one file: then its folder and its name. Tasks link it by themselves, because Nextflow's own
// links do not take every path ($, for one); containers see it by nextflow_slurm.config's runOptions.
def sessionOf(data_path) {
    def session = file(data_path, glob: false, hidden: true)
    return session.isDirectory() ? tuple(session.toString(), '') : tuple(session.parent.toString(), "/${session.name}")
}

// Probe files may lie outside the session; staging them makes containers see them.
def probeFiles(settings) {
    def named = [settings.probe] + (settings.probe_paths ?: [:]).values()
    return named.findAll { name -> name && file(name, glob: false).exists() }.collect { name -> file(name, glob: false) }
}

// The user's model or the package's own; none: an empty list.
def modelOf(name) {
    return name == 'shipped' ? file("${projectDir}/scripts/simsort/weights/default") : fileOrNone(name)
}

// A file or folder of the user's, staged so that containers see it; none: an empty list.
def fileOrNone(name) {
    return name == null ? [] : file(name, glob: false)
}

// The recordings of one NWB file: their jobs, and what each stage left of them.
def nwbInputs(name, parts) {
    def meta = [id: name, duration_min: parts.collect { it -> it.meta.duration_min }.max(), n_channels: parts.collect { it -> it.meta.n_channels }.sum()]
    def left = (0..2).collect { stage -> parts.collect { it -> it.folders[stage] }.findAll { folder -> folder != null } }
    return tuple(meta, "[${parts.collect { it -> it.job }.join(', ')}]".toString(), left[0], left[1], left[2])
}

workflow {
    def source = tuple(file("${projectDir}/scripts"), sourceHash())
    if (chosenWorkflow() == 'pretrain') {
        PRETRAIN(source)
    }
    else {
        if (!params.data_path || !file(params.data_path, glob: false, hidden: true).exists()) {
            error "DATA_PATH ${params.data_path ?: ''} does not exist: give the session with --data_path or DATA_PATH"
        }
        requireImage(params.image_spikeinterface)
        def session = sessionOf(params.data_path)

        // MODULE: every setting from every road, checked in seconds
        CHECK_PARAMS(toJson(givenParameters()), source)
        ch_resolved = CHECK_PARAMS.out.resolved.map { resolved -> parseJson(resolved.text) }

        // WORKFLOW: the model that recordings are sorted with, trained here or there already
        if (chosenWorkflow() == 'all') {
            PRETRAIN(source)
            ch_model = PRETRAIN.out.model
            ch_cells = PRETRAIN.out.simulated
        }
        else {
            ch_model = ch_resolved.map { it -> modelOf(it.globals.model) }
            ch_cells = []
        }

        // MODULE: one job per probe stream, segment and shank
        DISPATCH(
            session,
            ch_resolved.map { it -> probeFiles(it.job_dispatch) },
            ch_resolved.map { it -> toJson(it.job_dispatch) },
            source
        )
        ch_jobs = DISPATCH.out.jobs
            .flatten()
            .map { job -> job.text }
            .filter { text -> parseJson(text).state == 'ready' }
            .map { text ->
                def job = parseJson(text)
                tuple([id: job.recording_name, duration_min: job.duration_s / 60, n_channels: job.n_channels], toJson(job))
            }

        // MODULE: filters, bad channels, reference, motion
        PREPROCESS(ch_jobs, session, ch_resolved.map { it -> toJson(it.preprocessing) }, source)
        ch_preprocessed = PREPROCESS.out.preprocessed.filter { _meta, folder -> isDone(folder) }

        // MODULE: the model fine-tuned on each recording, where that is asked for
        ch_to_sort = ch_preprocessed
            .combine(ch_model.map { it -> [it] })
            .combine(ch_resolved.map { it -> it.finetuning.apply })
            .branch { _meta, _folder, _model, apply ->
                tuned: apply
                given: true
            }
        FINETUNE(
            ch_to_sort.tuned.map { meta, folder, model, _apply -> tuple(meta, folder, model) },
            ch_cells,
            ch_resolved.map { it -> toJson(it.finetuning) },
            source
        )

        // MODULE: the spike sorter
        SORT(
            ch_to_sort.given.map { meta, folder, model, _apply -> tuple(meta, folder, model) }
                .mix(ch_preprocessed.join(FINETUNE.out.model)),
            ch_resolved.map { it -> it.globals.sorter },
            ch_resolved.map { it -> toJson(it.spikesort) },
            source
        )

        // MODULE: analyzer with extensions and metrics; each recording as soon as its sorting is there
        POSTPROCESS(ch_preprocessed.join(SORT.out.sorted), session, ch_resolved.map { it -> toJson(it.postprocessing) }, source)

        // MODULE: labels
        CURATE(
            SORT.out.sorted.join(POSTPROCESS.out.postprocessed),
            ch_resolved.map { it -> fileOrNone(it.curation.unitrefine_noise) },
            ch_resolved.map { it -> fileOrNone(it.curation.unitrefine_sua) },
            ch_resolved.map { it -> toJson(it.curation) },
            source
        )

        // MODULE: pictures
        VISUALIZE(
            ch_jobs.join(ch_preprocessed).join(POSTPROCESS.out.postprocessed).join(CURATE.out.curated),
            session,
            ch_resolved.map { it -> toJson(it.visualization) },
            source
        )

        // MODULE: the verdict on each recording, also on those that were not sorted
        QC(
            ch_jobs.join(PREPROCESS.out.preprocessed, remainder: true).join(CURATE.out.curated, remainder: true)
                .map { it -> it.collect { part -> part == null ? [] : part } },
            session,
            ch_resolved.map { it -> toJson(it.quality_control) },
            source
        )

        // MODULE: one file with all probes of a recording, when all of them are through
        ch_left = ch_jobs.join(PREPROCESS.out.preprocessed, remainder: true)
            .join(POSTPROCESS.out.postprocessed, remainder: true)
            .join(CURATE.out.curated, remainder: true)
            .map { meta, job, preprocessed, postprocessed, curated ->
                tuple(parseJson(job).nwb_name, [meta: meta, job: job, folders: [preprocessed, postprocessed, curated]])
            }
            .groupTuple()
        NWB(
            ch_left.map { name, parts -> nwbInputs(name, parts.sort { part -> part.meta.id }) },
            session,
            ch_resolved.map { it -> toJson([nwb_subject: it.nwb_subject, nwb_ecephys: it.nwb_ecephys]) },
            source
        )

        // MODULE: what happened, failures included
        ch_records = DISPATCH.out.records
            .flatten()
            .mix(DISPATCH.out.jobs.flatten(), PREPROCESS.out.record, SORT.out.record, POSTPROCESS.out.record, CURATE.out.record, VISUALIZE.out.record)
            .mix(QC.out.record, NWB.out.records.flatten())
            .collect()
        FAILURES("${file(params.results_path, glob: false)}/nextflow/trace.txt", ch_records.map { it -> it.size() }, source)
        COLLECT(ch_records, FAILURES.out.failures, CHECK_PARAMS.out.resolved, session, source)
    }
}
