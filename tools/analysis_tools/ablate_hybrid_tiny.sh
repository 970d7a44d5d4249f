#!/usr/bin/env bash
# Test the trackers of HybridTracker on MovingShapes: instance, pixel and both,
# with and without temporal consistency, each with exact flow, no flow (zero)
# and the flow of RAFT.
#
#   bash tools/analysis_tools/ablate_hybrid_tiny.sh CHECKPOINT OUT [RAFT]
#
# CHECKPOINT: of hybrid-tracker-stage2_r18_fpn_movingshapes-vps-tiny.py, with
# the weights of the segmenter in it. All variants share its segmentations, so
# VPQ_1 must be the same in every line of a set. RAFT: checkpoint of
# raft_small_movingshapes-tiny.py; RAFT without training is tested anyway.
# Tested are the held-out videos of `tiny` and `hard` videos of the same size
# and classes. OUT/results.txt gets VPQ and VPQ of things over 1, 2, 4 and 6
# frames, one line per variant, flow and set.
set -euo pipefail
cd "$(dirname "$0")/../.."
PY=${PY:-.venv/bin/python}
CHECKPOINT=$(realpath "$1")
OUT=$2
RAFT=${3:-}
CONFIG=configs/hybrid_tracker/hybrid-tracker_r18_fpn_movingshapes-vps-tiny.py
TINY=data/moving_shapes/tiny_vipseg
HARD=data/moving_shapes/hard-tiny_vipseg
export OMP_NUM_THREADS=1

declare -A TRACKERS=(
    [instance]='model.flow=None model.fusion.weights=1,0'
    [pixel]='model.instance_head=None model.fusion.weights=0,1'
    [hybrid]=''
)
RAFT_SMALL='model.flow._delete_=True model.flow.type=RAFT
    model.flow.small=True model.flow.iters=4 model.flow.flow_scale=2.0'

score() { # tracker, temporal, flow, set, checkpoint, options
    local name=$1-$2-$3-$4 log
    log=$OUT/$name.log
    # shellcheck disable=SC2086
    "$PY" tools/test.py $CONFIG "$5" --work-dir "$OUT/$name" --cfg-options \
        model.fusion.fixed=True model.test_cfg.temporal="$2" \
        ${TRACKERS[$1]} $6 >"$log" 2>&1
    printf '%-8s temporal %-13s flow %-14s %-4s: %s\n' "$1" "$2" "$3" "$4" \
        "$(grep 'vpq/VPQ' "$log" | tail -n 1 |
            grep -oE 'VPQ(_th)?_[0-9]+: [0-9.]+' | tr '\n' ' ')" \
        >>"$OUT/results.txt"
}

with_flow() { # flow, set, checkpoint, options
    for tracker in pixel hybrid; do
        for temporal in none bidirectional; do
            score $tracker $temporal "$1" "$2" "$3" "$4"
        done
    done
}

on_set() { # set, folder
    local data="test_dataloader.dataset.data_root=$2/"
    for temporal in none bidirectional; do
        score instance $temporal - "$1" "$CHECKPOINT" "$data"
    done
    with_flow exact "$1" "$CHECKPOINT" "$data model.flow.data_root=$2/"
    with_flow zero "$1" "$CHECKPOINT" \
        "$data model.flow._delete_=True model.flow.type=ZeroFlow"
    with_flow raft-untrained "$1" "$CHECKPOINT" "$data $RAFT_SMALL"
    if [ -n "$RAFT" ]; then
        with_flow raft-trained "$1" "$OUT/with_raft.pth" "$data $RAFT_SMALL"
    fi
}

make_data() { # profile, folder, options
    # shellcheck disable=SC2086
    "$PY" tools/dataset_converters/make_moving_shapes.py --profile "$1" \
        --format vipseg --with-flow --out "$2" $3
}

make_data tiny $TINY ''
make_data hard $HARD \
    '--set height=96 --set width=160 --set classes=4 --set num_train=2'
mkdir -p "$OUT"
rm -f "$OUT/results.txt"
if [ -n "$RAFT" ]; then
    "$PY" tools/model_converters/join_weights.py "$OUT/with_raft.pth" \
        "$CHECKPOINT" "flow=$RAFT"
fi
on_set tiny $TINY
on_set hard $HARD
cat "$OUT/results.txt"
