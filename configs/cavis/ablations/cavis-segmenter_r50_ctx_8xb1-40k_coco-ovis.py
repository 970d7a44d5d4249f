# Table 3 (a) (iii): no PCC loss
_base_ = './cavis-segmenter_r50_frames2_8xb1-40k_coco-ovis.py'
model = dict(loss_pcc=dict(loss_weight=0., aux_weight=0.))
