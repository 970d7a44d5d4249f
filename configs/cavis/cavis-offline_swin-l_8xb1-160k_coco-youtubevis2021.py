_base_ = [
    './cavis-offline_r50_8xb1-160k_coco-youtubevis2021.py',
    '../_base_/models/cavis_swin-l.py'
]
model = dict(
    backbone=dict(_base_.backbone, _delete_=True),
    segment_head=_base_.segment_head)
load_from = ('work_dirs/cavis-online_swin-l_8xb1-160k_coco-youtubevis2021/'
             'iter_160000.pth')
