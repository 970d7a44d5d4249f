#!/usr/bin/env bash
# Usage: tools/dist_test.sh CONFIG [CHECKPOINT] GPUS [options of test.py]
# A number in second place is taken as GPUS.
# Environment: NNODES (1) NODE_RANK (0) PORT (29500) MASTER_ADDR (127.0.0.1)
set -euo pipefail

usage() {
    echo "usage: $0 CONFIG [CHECKPOINT] GPUS [options of test.py]" >&2
    exit 2
}
[ $# -ge 2 ] || usage
config=$1
if [[ $2 =~ ^[0-9]+$ ]]; then
    checkpoint=()
    gpus=$2
    shift 2
else
    [ $# -ge 3 ] || usage
    checkpoint=("$2")
    gpus=$3
    shift 3
fi
here=$(cd "$(dirname "$0")" && pwd)
# modules of this checkout that a config imports
export PYTHONPATH="$here/..${PYTHONPATH:+:$PYTHONPATH}"

python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" --nproc_per_node="$gpus" \
    "$here/test.py" "$config" ${checkpoint[@]+"${checkpoint[@]}"} \
    --launcher pytorch "$@"
