#!/usr/bin/env bash
# Usage: tools/dist_train.sh CONFIG GPUS [options of train.py]
# Environment: NNODES (1) NODE_RANK (0) PORT (29500) MASTER_ADDR (127.0.0.1)
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG GPUS [options of train.py]" >&2
    exit 2
fi
config=$1
gpus=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
# modules of this checkout that a config imports
export PYTHONPATH="$here/..${PYTHONPATH:+:$PYTHONPATH}"

# "python -m" finds torchrun's module in the environment of this python.
python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" --nproc_per_node="$gpus" \
    "$here/train.py" "$config" --launcher pytorch "$@"
