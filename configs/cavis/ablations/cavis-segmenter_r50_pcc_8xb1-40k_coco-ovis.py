# Table 3 (a) (iv): PCC loss alone. Linking as in (i).
_base_ = './cavis-segmenter_r50_frames2_8xb1-40k_coco-ovis.py'
model = dict(
    segment_head=dict(with_context=False),
    loss_ctx=dict(loss_weight=0., aux_weight=0.))
