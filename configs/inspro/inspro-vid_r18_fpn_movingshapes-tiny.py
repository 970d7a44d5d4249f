_base_ = './inspro_r18_fpn_movingshapes-tiny.py'
# InsPro-VID in small: boxes only, and the margin of the deduplication loss
# that the paper uses on ImageNet VID.
model = dict(
    data_preprocessor=dict(pad_mask=False),
    roi_head=dict(
        bbox_head=dict(num_mask_params=0),
        mask_feat_head=None,
        mask_head=None,
        criterion=dict(loss_dedup=dict(beta=0.15))))

train_pipeline = _base_.train_pipeline
train_pipeline[1]['transforms'][1]['with_mask'] = False
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

val_evaluator = dict(type='BoxTubeMetric')
test_evaluator = val_evaluator
