# OVIS: long, crowded videos. 25 classes.
_base_ = './youtube_vis_2019.py'
dataset_type = 'OVIS'
data_root = 'data/ovis/'

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        version=None,
        data_root=data_root,
        ann_file='annotations_train.json',
        data_prefix=dict(img_path='train/')))
val_dataloader = dict(
    # some hundred frames do not have to be in memory at once
    sampler=dict(window=32),
    dataset=dict(
        type=dataset_type,
        version=None,
        data_root=data_root,
        ann_file='annotations_valid.json',
        data_prefix=dict(img_path='valid/')))
test_dataloader = val_dataloader

val_evaluator = dict(outfile_prefix='work_dirs/ovis_valid')
test_evaluator = val_evaluator
