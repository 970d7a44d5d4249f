#!/usr/bin/env bash
# Train and test the ablations of CAVIS' Table 3 on MovingShapes: losses of the
# segmenter (a), queries of the tracker (e), alignment of contexts (f); and the
# refiner.
#
#   bash tools/analysis_tools/ablate_cavis_tiny.sh PRETRAINED OUT [SEED ...]
#
# PRETRAINED: checkpoint of cavis-pretrain_r18_movingshapes-tiny.py. For each
# seed all segmenters start from it, all trackers from the segmenter with both
# losses, the refiner from the full tracker. They are tested on the held-out
# videos of `tiny` and on `hard` videos of the same size and classes.
# OUT/results.txt gets one line per variant, seed and set.
set -euo pipefail
cd "$(dirname "$0")/../.."
PY=${PY:-.venv/bin/python}
PRETRAINED=$(realpath "$1")
OUT=$2
shift 2
SEEDS=("${@:-0}")
HARD=data/moving_shapes/hard-tiny
export OMP_NUM_THREADS=1

NO_CTX='model.loss_ctx.loss_weight=0 model.loss_ctx.aux_weight=0'
NO_PCC='model.loss_pcc.loss_weight=0 model.loss_pcc.aux_weight=0'
declare -A VARIANTS=(
    [segmenter]=''
    [segmenter-no-losses]="$NO_CTX $NO_PCC"
    [segmenter-plain]="model.segment_head.with_context=False $NO_PCC"
    [segmenter-ctx]="$NO_PCC"
    [segmenter-pcc]="$NO_CTX"
    [online]=''
    [online-plain-query]='model.tracker.context_attention=False'
    [online-no-align]='model.tracker.align_context=False'
    [offline]=''
)

score() { # variant, seed, name of the test set, options
    local dir=$OUT/$1-$2 log
    log=$dir/$3.log
    # shellcheck disable=SC2086
    "$PY" tools/test.py "configs/cavis/cavis-${1%%-*}_r18_movingshapes-tiny.py" \
        "$(cat "$dir/last_checkpoint")" --work-dir "$dir/$3" \
        --cfg-options randomness.seed="$2" ${VARIANTS[$1]} $4 >"$log" 2>&1
    echo "$1 seed $2 $3: $(grep -o 'vis/AP.*' "$log" | tail -n 1)" \
        >>"$OUT/results.txt"
}

run() { # variant, seed, checkpoint to start from
    local dir=$OUT/$1-$2
    mkdir -p "$dir"
    # shellcheck disable=SC2086
    "$PY" tools/train.py \
        "configs/cavis/cavis-${1%%-*}_r18_movingshapes-tiny.py" \
        --work-dir "$dir" --resume --cfg-options load_from="$3" \
        randomness.seed="$2" train_cfg.val_interval=100000 ${VARIANTS[$1]} \
        >"$dir/train.log" 2>&1
    score "$1" "$2" tiny ''
    score "$1" "$2" hard "test_dataloader.dataset.data_root=$HARD/"
}

"$PY" tools/dataset_converters/make_moving_shapes.py --profile hard \
    --format youtube_vis --out "$HARD" --set height=96 --set width=160 \
    --set classes=4 --set num_train=2
for seed in "${SEEDS[@]}"; do
    run segmenter "$seed" "$PRETRAINED"
    run online "$seed" "$(cat "$OUT/segmenter-$seed/last_checkpoint")"
    run offline "$seed" "$(cat "$OUT/online-$seed/last_checkpoint")"
    for variant in online-plain-query online-no-align; do
        run $variant "$seed" "$(cat "$OUT/segmenter-$seed/last_checkpoint")"
    done
    for variant in no-losses plain ctx pcc; do
        run segmenter-$variant "$seed" "$PRETRAINED"
    done
done
sort "$OUT/results.txt"
