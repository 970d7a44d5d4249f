# Table 3 (a) (v): (ii) and PCC loss
_base_ = './cavis-segmenter_r50_frames2_8xb1-40k_coco-ovis.py'
model = dict(segment_head=dict(with_context=False))
