#!/usr/bin/env bash
# Usage: tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options]
# Environment: GPUS (8) GPUS_PER_NODE (8) CPUS_PER_TASK (5)
# GRES (gpu:GPUS_PER_NODE; empty for processes without GPUs) SRUN_ARGS
# In a batch job (sbatch --requeue --signal=USR1@300 --wrap "tools/...") a
# training that a signal stopped goes back into the queue, and a job that comes
# from there resumes. Exit code 75: stopped, its checkpoint is written.
set -euo pipefail

if [ $# -lt 4 ]; then
    echo "usage: $0 PARTITION JOB_NAME CONFIG WORK_DIR [options]" >&2
    exit 2
fi
partition=$1
job_name=$2
config=$3
work_dir=$4
shift 4
gpus=${GPUS:-8}
gpus_per_node=${GPUS_PER_NODE:-8}
[ "$gpus_per_node" -le "$gpus" ] || gpus_per_node=$gpus
gres=${GRES-gpu:$gpus_per_node}
here=$(cd "$(dirname "$0")" && pwd)
# modules of this checkout that a config imports
export PYTHONPATH="$here/..${PYTHONPATH:+:$PYTHONPATH}"
stopped=75
if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ]; then
    set -- "$@" --resume
fi

# Processes that were told to stop leave with a code that is not zero, one
# after the other: the first must not take the others with it, as it would
# with --kill-on-bad-exit=1.
status=0
# SRUN_ARGS holds several words on purpose.
# shellcheck disable=SC2086
srun -p "$partition" --job-name="$job_name" \
    ${gres:+--gres="$gres"} --ntasks="$gpus" \
    --ntasks-per-node="$gpus_per_node" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=0 \
    --wait=120 \
    ${SRUN_ARGS:-} \
    python -u "$here/train.py" "$config" --work-dir "$work_dir" \
    --launcher slurm "$@" || status=$?
if [ "$status" -eq $stopped ]; then
    if [ -n "${SLURM_JOB_ID:-}" ] && scontrol requeue "$SLURM_JOB_ID"; then
        echo "$0: stopped by a signal, job $SLURM_JOB_ID is queued again"
    else
        echo "$0: stopped by a signal; go on with the same command and" \
            "--resume" >&2
    fi
fi
exit "$status"
