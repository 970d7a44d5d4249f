_base_ = '../pcan_r50_fpn_4xb2-12e_bdd100k.py'
# no frame-level module: test with the checkpoint of the main recipe
model = dict(frame_pcam=None)
