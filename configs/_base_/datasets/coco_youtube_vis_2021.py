# YouTube-VIS 2021 and the COCO images with its classes, one to one.
_base_ = ['./youtube_vis_2021.py', './coco_pseudo_video.py']

train_dataloader = dict(
    # ratio: clips of the first to clips of the second dataset
    sampler=dict(_delete_=True, type='JointVideoSampler', ratio=(1, 1)),
    dataset=dict(
        _delete_=True,
        type='JointVideoDataset',
        datasets=[
            _base_.train_dataloader.dataset,
            dict(_base_.pseudo_dataset, class_map='youtube_vis_2021'),
        ]))
