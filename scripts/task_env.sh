# Sourced by every task: `. scripts/task_env.sh N_CPUS`. The package runs from the staged checkout; nothing is installed.
export PYTHONPATH="$PWD/scripts" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 SIMSORT_TASK=1
# Worker processes share the task's allocation: one thread each, so that n workers use n cores.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS="$1"
export NUMBA_CACHE_DIR="$PWD/.numba_cache" MPLCONFIGDIR="$PWD/.matplotlib" HDF5_USE_FILE_LOCKING=FALSE
export KACHERY_DIR="$PWD/.kachery" XDG_CACHE_HOME="$PWD/.cache" TQDM_MININTERVAL=10
