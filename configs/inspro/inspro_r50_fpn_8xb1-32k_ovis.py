_base_ = [
    '../_base_/models/inspro_r50_fpn.py',
    '../_base_/datasets/ovis.py',
    '../_base_/schedules/schedule_32k.py', '../_base_/default_runtime.py'
]
# the paper names no recipe for OVIS: that of YouTube-VIS with 25 classes
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=25)),
    test_cfg=dict(max_per_video=30))
# weights of the COCO pre-training, inspro_r50_fpn_8xb2-ms-480-800-3x_coco.py
load_from = None
