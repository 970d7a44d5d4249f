# Parts that differ from cavis_r50.py: a frozen ViT-L of DINOv2 with an adapter
# and 200 queries. `custom_keys` is for the optimizer of the segmenter. With
# model.backbone.with_cp=True the adapter needs less memory and more time.
backbone = dict(
    type='ViTAdapter',
    vit=dict(
        embed_dims=1024,
        depth=24,
        num_heads=16,
        patch_size=16,
        img_size=592,
        layer_scale=1e-5),
    freeze_vit=True)
segment_head = dict(in_channels=[1024, 1024, 1024, 1024], num_queries=200)
no_decay = dict(lr_mult=0.1, decay_mult=0.)
# `norm1` and so on of ViTAdapter, the norms of its extractors, and those of
# its convolutions
custom_keys = {
    'backbone.norm': no_decay,
    '.query_norm.': no_decay,
    '.feat_norm.': no_decay,
    '.ffn_norm.': no_decay
}
custom_keys.update({
    f'backbone.spm.{part}.': no_decay
    for part in ('stem.1', 'stem.4', 'stem.7', 'conv2.1', 'conv3.1', 'conv4.1')
})
