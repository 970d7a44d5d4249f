# Table 3 (a) (i): no contrastive losses. Frames are linked by queries and by
# embeddings that nothing has trained; those are small beside the queries.
_base_ = './cavis-segmenter_r50_frames2_8xb1-40k_coco-ovis.py'
model = dict(
    segment_head=dict(with_context=False),
    loss_ctx=dict(loss_weight=0., aux_weight=0.),
    loss_pcc=dict(loss_weight=0., aux_weight=0.))
