_base_ = [
    './cavis-offline_r50_8xb1-160k_coco-ovis.py',
    '../_base_/models/cavis_vit-l.py'
]
model = dict(
    backbone=dict(_base_.backbone, _delete_=True),
    segment_head=_base_.segment_head)
load_from = 'work_dirs/cavis-online_vit-l_8xb1-160k_coco-ovis/iter_160000.pth'
