_base_ = [
    './cavis-segmenter_r50_8xb1-40k_coco-youtubevis2021.py',
    '../_base_/models/cavis_vit-l.py'
]
model = dict(
    backbone=dict(_base_.backbone, _delete_=True),
    segment_head=_base_.segment_head)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=_base_.custom_keys))
load_from = 'checkpoints/mask2former_vit-l-adapter_coco-instance.pth'
