#!/usr/bin/env bash
# Unpack COCO as `mim download mmvis_plugin --dataset coco2017` leaves it.
# Usage: preprocess_coco2017.sh DOWNLOAD_DIR DATA_ROOT
# Archives stay where they are; delete them when all is there.
set -euo pipefail

RAW=$1/OpenDataLab___COCO_2017/raw
OUT=$2
PYTHON=${PYTHON:-python}

unpack() {
    echo "$1 -> $2"
    "$PYTHON" -m zipfile -e "$1" "$2"
}

mkdir -p "$OUT"
for name in Images/train2017 Images/val2017 \
    Annotations/annotations_trainval2017 \
    Annotations/panoptic_annotations_trainval2017; do
    unpack "$RAW/$name.zip" "$OUT"
done
# the panoptic maps are archives inside of the archive
for split in train2017 val2017; do
    unpack "$OUT/annotations/panoptic_$split.zip" "$OUT/annotations"
done
