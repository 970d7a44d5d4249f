_base_ = [
    '../_base_/models/inspro_r50_fpn.py', '../_base_/datasets/ovis.py',
    '../_base_/schedules/schedule_32k.py', '../_base_/default_runtime.py'
]
# The paper names no recipe for OVIS: that of YouTube-VIS with 25 classes, and
# more tracks per video.
num_classes = 25
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=num_classes)),
    test_cfg=dict(max_per_video=30))
# Weights of the COCO pre-training, inspro_r50_fpn_8xb2-ms-480-800-3x_coco.py.
# fc_cls, whose 80 classes do not fit, and intra_query start anew: mmengine
# warns about them and loads the rest.
load_from = None
