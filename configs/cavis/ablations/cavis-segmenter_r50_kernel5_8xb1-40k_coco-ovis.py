# Table 3 (b) 5
_base_ = './cavis-segmenter_r50_frames2_8xb1-40k_coco-ovis.py'
model = dict(segment_head=dict(ctx_kernel_size=5))
