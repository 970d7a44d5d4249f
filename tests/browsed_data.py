"""Configs of small data sets of every kind, for browse_dataset.py."""
import json

from mmvis_plugin.datasets.synthetic import get_cfg

CONFIG = """
custom_imports = dict(imports=['mmvis_plugin'])
flip = 0.
broadcast = dict(
    type='TransformBroadcaster',
    share_random_params=True,
    transforms=[
        dict(type='{loader}'), {annotations},
        dict(type='RandomFlip', prob=flip)
    ])
pipeline = [
    dict(type='ClipSample', num_frames=2, mode='ref'), broadcast,
    dict(type='PackClipInputs')
]
train_dataloader = dict(dataset={train})
val_dataloader = dict(dataset={val})
"""
MASKS = "dict(type='LoadFrameAnnotations', with_mask=True)"
BOXES = "dict(type='LoadFrameAnnotations')"
PANOPTIC = "dict(type='LoadFramePanoptic')"
CFG = get_cfg('micro', num_train=2, num_val=1, num_frames=4, p_crowd=1.)
SPLITS = ('train', 'val')


def source(split, /, **kwargs):
    """Return the config of a data set as text."""
    kwargs = {**kwargs, **(dict(test_mode=True) if split == 'val' else {})}
    tail = '' if split == 'val' else ', pipeline=pipeline'
    return f'dict(**{kwargs!r}{tail})'


def vis(root, split, **kwargs):
    folder = dict(train='train', val='valid')[split]
    name = dict(train='train', val='valid_with_gt')[split]
    return source(
        split, **{
            **dict(
                type='YouTubeVIS',
                ann_file=f'{root}/{name}.json',
                data_prefix=dict(img_path=f'{root}/{folder}/JPEGImages')),
            **kwargs
        })


def vid(root, split):
    return vis(root, split, type='ImageNetVID', class_table=None)


def mots(root, split):
    return source(
        split,
        type='BDD100KMOTS',
        ann_file=f'{root}/labels/seg_track_20/bitmasks/{split}',
        workers=1,
        data_prefix=dict(img_path=f'{root}/images/seg_track_20/{split}'))


def cityscapes(root, split):
    kwargs = dict(frames='all') if split == 'val' else {}
    images = dict(train='img', val='img_all')[split]
    return source(
        split,
        type='CityscapesVPS',
        ann_file=f'{root}/panoptic_gt_{split}_city_vps.json',
        data_prefix=dict(
            img_path=f'{root}/{split}/{images}',
            seg_map_path=f'{root}/{split}/panoptic_video'),
        **kwargs)


def vipseg(root, split):
    return source(
        split,
        type='VIPSeg',
        ann_file=f'{root}/panoptic_gt_VIPSeg_{split}.json',
        data_prefix=dict(
            img_path=f'{root}/images', seg_map_path=f'{root}/panomasksRGB'))


def synthetic(root, split):
    knobs = dict(num_train=2, num_val=1, num_frames=4, p_crowd=1.)
    return source(
        split,
        type='SyntheticVideoDataset',
        profile='micro',
        split=split,
        synth_cfg=knobs)


def still(root, split):
    """Images of two squares as pseudo videos."""
    square = [[8, 8, 28, 8, 28, 28, 8, 28]]
    image = dict(width=96, height=64)
    coco = dict(
        images=[
            dict(image, id=i + 1, file_name=f'train_000{i}/00000.jpg')
            for i in range(2)
        ],
        categories=[dict(id=3, name='disc')],
        annotations=[
            dict(
                id=i,
                image_id=i,
                category_id=3,
                bbox=[8, 8, 20, 20],
                area=400,
                iscrowd=0,
                segmentation=square) for i in (1, 2)
        ])
    (root / 'coco.json').write_text(json.dumps(coco))
    return source(
        'train',
        type='CocoPseudoVideoDataset',
        ann_file=f'{root}/coco.json',
        data_prefix=dict(img_path=f'{root}/train/JPEGImages'),
        class_map={3: 'disc'},
        metainfo=dict(classes=('disc', 'square', 'triangle')))


def joint(root, split):
    parts = f'{vis(root, split)}, {still(root, split)}'
    if split == 'val':
        return vis(root, split)
    return f"dict(type='JointVideoDataset', datasets=[{parts}])"


KINDS = dict(
    vis=('youtube_vis', MASKS, vis),
    vid=('youtube_vis', BOXES, vid),
    mots=('bdd_mots', MASKS, mots),
    cityscapes=('cityscapes_vps', PANOPTIC, cityscapes),
    vipseg=('vipseg', PANOPTIC, vipseg),
    synthetic=('youtube_vis', MASKS, synthetic),
    joint=('youtube_vis', MASKS, joint))
