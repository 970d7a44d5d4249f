#!/usr/bin/env bash
# Train and test the ablations of InsPro's Table 2 on MovingShapes.
#
#   bash tools/analysis_tools/ablate_inspro_tiny.sh PRETRAINED OUT [SEED ...]
#
# PRETRAINED: checkpoint of inspro_r18_fpn_movingshapes-tiny-pretrain.py, as
# `make demo` leaves it. Every variant starts from it and is trained on the
# tiny recipe, then tested on the held-out `tiny` videos and on `hard` videos
# of the same size and classes. Two variants run at a time, one thread each.
# OUT/results.txt gets one line per variant, seed and test set.
set -euo pipefail
cd "$(dirname "$0")/../.."
PY=${PY:-.venv/bin/python}
PRETRAINED=$(realpath "$1")
OUT=$2
shift 2
SEEDS=("${@:-0}")
CONFIG=configs/inspro/inspro_r18_fpn_movingshapes-tiny.py
HARD=data/moving_shapes/hard-tiny
export OMP_NUM_THREADS=1

OFF='model.roi_head.intra_query=None model.roi_head.criterion.loss_dedup=None'
declare -A VARIANTS=(
    [full]=''
    [no-intra-query]='model.roi_head.intra_query=None'
    [base]="$OFF"
    [no-tcm]="$OFF model.roi_head.criterion.matcher.tcm=False"
    [no-propagation]="$OFF model.roi_head.criterion.matcher.tcm=False
        model.roi_head.propagate_query=False
        model.roi_head.propagate_proposal=False"
)

score() { # variant, seed, name of the test set, options
    local dir=$OUT/$1-$2 log
    log=$dir/$3.log
    # shellcheck disable=SC2086
    "$PY" tools/test.py $CONFIG "$(cat "$dir/last_checkpoint")" \
        --work-dir "$dir/$3" --cfg-options randomness.seed="$2" \
        ${VARIANTS[$1]} $4 \
        >"$log" 2>&1
    echo "$1 seed $2 $3: $(grep -o 'vis/AP.*' "$log" | tail -n 1)" \
        >>"$OUT/results.txt"
}

run() { # variant, seed
    local dir=$OUT/$1-$2
    mkdir -p "$dir"
    # shellcheck disable=SC2086
    "$PY" tools/train.py $CONFIG --work-dir "$dir" --resume --cfg-options \
        load_from="$PRETRAINED" randomness.seed="$2" \
        train_cfg.val_interval=100000 ${VARIANTS[$1]} >"$dir/train.log" 2>&1
    score "$1" "$2" tiny ''
    score "$1" "$2" hard \
        "test_dataloader.dataset.data_root=$HARD/"
}

"$PY" tools/dataset_converters/make_moving_shapes.py --profile hard \
    --format youtube_vis --out "$HARD" --set height=96 --set width=160 \
    --set classes=4 --set num_train=2
mkdir -p "$OUT"
for seed in "${SEEDS[@]}"; do
    for variant in full no-intra-query base no-tcm no-propagation; do
        while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || true; done
        run "$variant" "$seed" &
    done
done
wait
sort "$OUT/results.txt"
