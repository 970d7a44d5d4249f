# PanopticFCN with a ResNet-50 whose stride is in the first convolution of a
# block ("caffe") and whose norms are frozen. A recipe sets the numbers of
# classes.
num_things = 80
num_stuff = 53
model = dict(
    type='PanopticFCN',
    data_preprocessor=dict(
        type='VideoDataPreprocessor',
        # Of mmdet's weights: BGR. Weights that were converted from the
        # published ones have seen BGR with the mean of RGB,
        # [123.675, 116.28, 103.53].
        mean=[103.53, 116.28, 123.675],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_size_divisor=32),
    backbone=dict(
        type='ResNet',
        depth=50,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        style='caffe',
        init_cfg=dict(
            type='Pretrained',
            checkpoint='open-mmlab://detectron2/resnet50_caffe')),
    neck=dict(
        type='FPN',
        in_channels=[256, 512, 1024, 2048],
        out_channels=256,
        start_level=0,
        num_outs=6,
        add_extra_convs='on_output',
        relu_before_extra_convs=True),
    panoptic_head=dict(
        type='PanopticFCNHead',
        num_things=num_things,
        num_stuff=num_stuff,
        semantic_mode='merged_things',
        in_channels=256,
        feat_channels=256,
        encode_channels=64,
        # root of the area of a thing in pixels, of P3 to P7; they overlap
        scales=((1, 64), (32, 128), (64, 256), (128, 512), (256, 2048)),
        num_positions=7,
        position_weight=1.0,
        mask_weight=3.0,
        test_cfg=dict(
            center_thr=0.05,
            max_things=100,
            stuff_thr=0.05,
            sim_thr=0.90,
            mask_thr=0.4,
            score_thr=0.2,
            overlap_thr=0.5,
            stuff_area=4096)))
