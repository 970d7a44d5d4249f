# Table 3 (d) learnable; the paper does not say how: here a kernel per channel
# that begins as the average
_base_ = './cavis-segmenter_r50_frames2_8xb1-40k_coco-ovis.py'
model = dict(segment_head=dict(ctx_filter='learnable'))
