# Table 3 (f): embeddings are carried in the order of the segmenter
_base_ = './cavis-online_r50_base_8xb1-40k_coco-ovis.py'
model = dict(tracker=dict(align_context=False))
