# YouTube-VIS 2021: its archive keeps the JSON beside the frames. 40 classes.
_base_ = './youtube_vis_2019.py'
data_root = 'data/youtube_vis_2021/'
dataset_version = '2021'

train_dataloader = dict(
    dataset=dict(
        version=dataset_version,
        data_root=data_root,
        ann_file='train/instances.json'))
val_dataloader = dict(
    dataset=dict(
        version=dataset_version,
        data_root=data_root,
        ann_file='valid/instances.json'))
test_dataloader = val_dataloader

val_evaluator = dict(outfile_prefix='work_dirs/youtube_vis_2021_valid')
test_evaluator = val_evaluator
