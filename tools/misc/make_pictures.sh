#!/usr/bin/env bash
# Draw the pictures of README.md: a held-out video of MovingShapes by each of
# the models that come with the package, four frames side by side.
set -euo pipefail
cd "$(dirname "$0")/../.."
PY=${PY:-.venv/bin/python}
OUT=${1:-docs/en/_static}
DATA=data/moving_shapes/tiny

"$PY" tools/dataset_converters/make_moving_shapes.py \
    --profile tiny --format youtube_vis --out "$DATA"
for system in inspro pcan cavis hybrid-tracker; do
    "$PY" tools/demo/video_demo.py "$DATA/valid/JPEGImages/val_0001" \
        "$system-tiny" --no-trail --min-side 192 --strip-frames 4 \
        --strip "$OUT/$system-tiny.jpg"
done
