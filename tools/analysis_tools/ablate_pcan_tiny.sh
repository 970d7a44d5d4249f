#!/usr/bin/env bash
# Train the refine head of PCAN on MovingShapes and test PCAN without it,
# without the frame level, and without both.
#
#   bash tools/analysis_tools/ablate_pcan_tiny.sh STAGE2 OUT [SEED ...]
#
# STAGE2: checkpoint of pcan-stage2-mask_r18_fpn_movingshapes-tiny.py. Each
# seed trains stage 3 from it; all variants of a seed share its weights. They
# are tested on the held-out videos of `tiny` and on `hard` videos of the same
# size and classes. OUT/results.txt gets one line per variant, seed and set.
set -euo pipefail
cd "$(dirname "$0")/../.."
PY=${PY:-.venv/bin/python}
STAGE2=$(realpath "$1")
OUT=$2
shift 2
SEEDS=("${@:-0}")
CONFIG=configs/pcan/pcan_r18_fpn_movingshapes-tiny.py
HARD=data/moving_shapes/hard-tiny_mots
export OMP_NUM_THREADS=1

declare -A VARIANTS=(
    [both]=''
    [no-frame]='model.frame_pcam=None'
    [no-refine]='model.refine_head=None'
    [neither]='model.frame_pcam=None model.refine_head=None'
)

score() { # variant, seed, name of the test set, options
    local dir=$OUT/$2 log
    log=$dir/$1-$3.log
    # shellcheck disable=SC2086
    "$PY" tools/test.py $CONFIG "$(cat "$dir/last_checkpoint")" \
        --work-dir "$dir/$1-$3" --cfg-options randomness.seed="$2" \
        ${VARIANTS[$1]} $4 \
        >"$log" 2>&1
    echo "$1 seed $2 $3: $(grep -o 'mots/mMOTSA.*' "$log" | tail -n 1)" \
        >>"$OUT/results.txt"
}

"$PY" tools/dataset_converters/make_moving_shapes.py --profile hard \
    --format bdd_mots --out "$HARD" --set height=96 --set width=160 \
    --set classes=4 --set num_train=2
mkdir -p "$OUT"
for seed in "${SEEDS[@]}"; do
    "$PY" tools/train.py $CONFIG --work-dir "$OUT/$seed" --resume \
        --cfg-options load_from="$STAGE2" randomness.seed="$seed" \
        train_cfg.val_interval=100000 >"$OUT/train-$seed.log" 2>&1
    for variant in both no-frame no-refine neither; do
        score "$variant" "$seed" tiny ''
        score "$variant" "$seed" hard \
            "test_dataloader.dataset.data_root=$HARD/"
    done
done
sort "$OUT/results.txt"
