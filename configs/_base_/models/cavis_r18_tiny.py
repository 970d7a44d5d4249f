# CAVIS small enough to train on two CPU cores in minutes: a narrow ResNet-18
# from scratch, 64 channels, 20 queries, 3 + 3 layers. The structure is that of
# CAVIS.
_base_ = './cavis_r50.py'
channels = 64
num_classes = 4
norm_cfg = dict(type='GN', num_groups=8, requires_grad=True)
self_attn_cfg = dict(embed_dims=channels, num_heads=4)
model = dict(
    backbone=dict(
        depth=18,
        base_channels=32,
        stem_channels=32,
        norm_cfg=norm_cfg,
        norm_eval=False,
        init_cfg=None),
    segment_head=dict(
        in_channels=[32, 64, 128, 256],
        feat_channels=channels,
        out_channels=channels,
        num_things_classes=num_classes,
        num_stuff_classes=0,
        num_queries=20,
        pixel_decoder=dict(
            norm_cfg=dict(num_groups=8),
            encoder=dict(
                num_layers=3,
                layer_cfg=dict(
                    self_attn_cfg=self_attn_cfg,
                    ffn_cfg=dict(
                        embed_dims=channels, feedforward_channels=128))),
            positional_encoding=dict(num_feats=channels // 2)),
        positional_encoding=dict(num_feats=channels // 2),
        transformer_decoder=dict(
            num_layers=3,
            layer_cfg=dict(
                self_attn_cfg=self_attn_cfg,
                cross_attn_cfg=self_attn_cfg,
                ffn_cfg=dict(embed_dims=channels, feedforward_channels=256)))),
    criterion=dict(num_classes=num_classes, num_points=1024),
    test_cfg=dict(topk=10, score_thr=0.5))
