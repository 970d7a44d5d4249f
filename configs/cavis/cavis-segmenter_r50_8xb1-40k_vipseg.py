# Segmenter of CAVIS on VIPSeg; in tests it links frames by matching.
_base_ = [
    '../_base_/models/cavis_r50.py', '../_base_/datasets/cavis_vipseg.py',
    '../_base_/schedules/cavis_40k.py', '../_base_/default_runtime.py'
]
num_things_classes = 58
num_stuff_classes = 66
num_classes = num_things_classes + num_stuff_classes
model = dict(
    task='vps',
    segment_head=dict(
        num_things_classes=num_things_classes,
        num_stuff_classes=num_stuff_classes),
    criterion=dict(num_classes=num_classes))
# Mask2Former of COCO after tools/model_converters/detectron2_to_mmvis.py.
# The classes, which do not fit, and the embedding start anew: mmengine warns
# about them and loads the rest.
load_from = 'checkpoints/mask2former_r50_coco-panoptic.pth'
