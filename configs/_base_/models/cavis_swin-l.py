# Parts that differ from cavis_r50.py: a Swin-L and 200 queries. `custom_keys`
# is for the optimizer of the segmenter.
depths = [2, 2, 18, 2]
backbone = dict(
    type='SwinTransformer',
    pretrain_img_size=384,
    embed_dims=192,
    depths=depths,
    num_heads=[6, 12, 24, 48],
    window_size=12,
    drop_path_rate=0.3,
    out_indices=(0, 1, 2, 3))
segment_head = dict(in_channels=[192, 384, 768, 1536], num_queries=200)
no_decay = dict(lr_mult=0.1, decay_mult=0.)
custom_keys = {
    'backbone.norm': no_decay,
    'backbone.patch_embed.norm': no_decay,
    'relative_position_bias_table': no_decay
}
custom_keys.update({
    f'backbone.stages.{stage}.blocks.{block}.norm': no_decay
    for stage, depth in enumerate(depths)
    for block in range(depth)
})
custom_keys.update({
    f'backbone.stages.{stage}.downsample.norm': no_decay
    for stage in range(len(depths) - 1)
})
