// What the workflows share.

// Changes when any source of the package changes, so that -resume reruns stages after an edit.
def sourceHash() {
    def sources = files("${projectDir}/scripts/simsort/**.{py,json,html,mod}").sort { source -> source.toString() }
    return sources.collect { source -> source.text }.join('\n').md5()
}

def parseJson(text) {
    return new groovy.json.JsonSlurperClassic().parseText(text)
}

def toJson(value) {
    return groovy.json.JsonOutput.toJson(value)
}

// What the user gave; paths are relative to where Nextflow was started, tasks run elsewhere.
def givenParameters() {
    def own = ['image_names', 'image_spikeinterface', 'image_gpu', 'image_simulation', 'data_root', 'data_field', 'data_mount']
    def given = params.findAll { name, value -> value != null && !(name in own) }
    def paths = ['data_path', 'results_path', 'params_file', 'container_dir', 'model']
    return given.collectEntries { name, value -> [name, name in paths && value instanceof CharSequence && value && value != 'shipped' ? file(value, glob: false, hidden: true).toString() : value] }
}

// sort, pretrain or all: from the command line, else from the params file (JSON is YAML too).
def chosenWorkflow() {
    def named = params.params_file ? file(params.params_file, glob: false) : null
    def inFile = named && named.exists() ? new groovy.yaml.YamlSlurper().parseText(named.text) : null
    return params.workflow ?: (inFile instanceof Map ? inFile.workflow : null) ?: 'sort'
}

def requireImage(image) {
    if (workflow.containerEngine && !file(image, glob: false).exists()) {
        error "container image ${image} is missing: build it with containers/build.sh, or set EPHYS_CONTAINER_DIR"
    }
}
