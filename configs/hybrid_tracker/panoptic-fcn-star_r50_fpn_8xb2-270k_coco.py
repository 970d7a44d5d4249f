# PanopticFCN*: deformable convolutions and 256 channels in the encoder of the
# features.
_base_ = './panoptic-fcn_r50_fpn_8xb2-270k_coco.py'
model = dict(panoptic_head=dict(encode_channels=256, encode_deform=True))
