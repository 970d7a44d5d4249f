# The segmenter with weights, gradients and moments spread over 8 GPUs (FSDP);
# blocks of the backbone gather theirs when it is their turn. Checkpoints are
# those of other runs: give them to tools/test.py, which validates.
_base_ = '../cavis-segmenter_swin-l_8xb1-40k_coco-ovis.py'
runner_type = 'ShardedRunner'
shard_modules = ['backbone.stages.*.blocks.*']
val_cfg = val_dataloader = val_evaluator = None
optim_wrapper = dict(dtype='bfloat16')
model = dict(backbone=dict(with_cp=True))
