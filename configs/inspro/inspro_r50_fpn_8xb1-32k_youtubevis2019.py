_base_ = [
    '../_base_/models/inspro_r50_fpn.py',
    '../_base_/datasets/youtube_vis_2019.py',
    '../_base_/schedules/schedule_32k.py', '../_base_/default_runtime.py'
]
# Weights of the COCO pre-training, inspro_r50_fpn_8xb2-ms-480-800-3x_coco.py.
# fc_cls, whose 80 classes do not fit, and intra_query start anew: mmengine
# warns about them and loads the rest.
load_from = None
