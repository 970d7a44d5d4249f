#!/usr/bin/env bash
# Usage: tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [options]
# Environment: GPUS (8) GPUS_PER_NODE (8) CPUS_PER_TASK (5)
# GRES (gpu:GPUS_PER_NODE; empty for processes without GPUs) SRUN_ARGS
set -euo pipefail

if [ $# -lt 4 ]; then
    echo "usage: $0 PARTITION JOB_NAME CONFIG CHECKPOINT [options]" >&2
    exit 2
fi
partition=$1
job_name=$2
config=$3
checkpoint=$4
shift 4
gpus=${GPUS:-8}
gpus_per_node=${GPUS_PER_NODE:-8}
[ "$gpus_per_node" -le "$gpus" ] || gpus_per_node=$gpus
gres=${GRES-gpu:$gpus_per_node}
here=$(cd "$(dirname "$0")" && pwd)
# modules of this checkout that a config imports
export PYTHONPATH="$here/..${PYTHONPATH:+:$PYTHONPATH}"

# SRUN_ARGS holds several words on purpose.
# shellcheck disable=SC2086
srun -p "$partition" --job-name="$job_name" \
    ${gres:+--gres="$gres"} --ntasks="$gpus" \
    --ntasks-per-node="$gpus_per_node" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    python -u "$here/test.py" "$config" "$checkpoint" \
    --launcher slurm "$@"
