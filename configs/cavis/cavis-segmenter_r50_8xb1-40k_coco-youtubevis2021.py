# Segmenter of CAVIS on YouTube-VIS 2021 and COCO; in tests it links frames by
# matching.
_base_ = [
    '../_base_/models/cavis_r50.py',
    '../_base_/datasets/cavis_coco_youtube_vis_2021.py',
    '../_base_/schedules/cavis_40k.py', '../_base_/default_runtime.py'
]
num_classes = 40
model = dict(
    segment_head=dict(num_things_classes=num_classes),
    criterion=dict(num_classes=num_classes),
    test_cfg=dict(topk=10))
# Mask2Former of COCO after tools/model_converters/detectron2_to_mmvis.py.
# The classes, which do not fit, and the embedding start anew: mmengine warns
# about them and loads the rest.
load_from = 'checkpoints/mask2former_r50_coco-instance.pth'
