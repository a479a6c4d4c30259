"""One pipeline per recording session below DATA_PATH; called by multijob_submission_wrapper.sh. Standard library only.

Sessions are found by what folders hold, not by their depth or names. Each gets `pipeline_jobdir_<session>` in the
current folder with a copy of the job script in it, and is submitted from there. Names and numbers of sessions are kept
in `multijob_manifest.json`, so that they stay what they are when sessions are added.
"""
