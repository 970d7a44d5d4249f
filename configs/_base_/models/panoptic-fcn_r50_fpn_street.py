# PanopticFCN for street scenes of 1024 x 2048 pixels. Every label is a class
# of the semantic map; classes of things only compete there.
_base_ = './panoptic-fcn_r50_fpn.py'
model = dict(
    panoptic_head=dict(
        num_things=8,
        num_stuff=11,
        semantic_mode='all',
        scales=((1, 128), (64, 256), (128, 512), (256, 1024), (512, 2048)),
        mask_weight=4.0,
        test_cfg=dict(
            center_thr=0.01,
            max_things=200,
            stuff_thr=0.1,
            sim_thr=0.97,
            mask_thr=0.5,
            stuff_area=2048)))
