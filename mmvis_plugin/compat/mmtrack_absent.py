"""What mmtrack 1.0.0rc1 registers and its alias scope does not offer."""
from typing import Dict

_SOT = ('single object tracking is not part of this package; keep mmtrack in '
        'an environment of its own')
_VID = ("for video object detection use InsPro without masks, type='InsPro' "
        'as in configs/inspro/inspro-vid_r50_fpn_8xb1-90k_imagenetvid.py')
_MOT = ("for masks use type='PCAN'; for boxes alone the trackers of mmdet "
        '(QDTrack, ByteTrack, DeepSORT, OCSORT, StrongSORT) with its data '
        "sets, default_scope='mmdet'")
_MOT_DATA = ("box tracking data is read by mmdet.MOTChallengeDataset in "
             "mmdet's own form, default_scope='mmdet'; data with masks by "
             'BaseVideoDataset')
_TAO = ('TAO has no masks and is not part of this package; keep mmtrack in '
        'an environment of its own')

_NAMES = {
    _SOT:
    ('BaseSOTDataset', 'BrightnessAug', 'CheckPadMaskValidity',
     'CornerPredictorHead', 'CorrelationHead', 'CropLikeDiMP',
     'CropLikeSiamFC', 'DiMPSampling', 'FilterInitializer', 'GOT10kDataset',
     'GrayAug', 'IouNetHead', 'KLGridLoss', 'KLMCLoss', 'LaSOTDataset',
     'OTB100Dataset', 'PairSampling', 'PrDiMP', 'PrDiMPClsHead',
     'PrDiMPFilterOptimizer', 'QuotaSampler', 'RandomSampleConcatDataset',
     'SOTCocoDataset', 'SOTImageNetVIDDataset', 'SOTMetric', 'SOTResNet',
     'ScoreHead', 'SeqBboxJitter', 'SeqBlurAug', 'SeqColorAug',
     'SeqCropLikeStark', 'SeqShiftScaleAug', 'SiamRPN',
     'SiamRPNBackboneUnfreezeHook', 'SiamRPNExpLR', 'SiamRPNExpParamScheduler',
     'SiameseRPNAnchorGenerator', 'SiameseRPNHead', 'Stark', 'StarkHead',
     'StarkTransformer', 'TrackingNetDataset', 'TridentSampling',
     'UAV123Dataset', 'VOTDataset'),
    _VID:
    ('DFF', 'EmbedAggregator', 'FGFA', 'FlowNetSimple', 'SELSA',
     'SelsaAggregator', 'SelsaBBoxHead', 'SelsaRoIHead', 'TemporalRoIAlign'),
    _MOT: ('LinearMotion', 'Tracktor', 'TracktorTracker'),
    _MOT_DATA: ('DanceTrackDataset', 'MOTChallengeDataset'),
    _TAO: ('QuasiDenseTAOTracker', 'TAOMetric', 'TaoDataset'),
    # mmdet has other classes of these names
    "use type='CAVIS', or type='Mask2FormerVideo' of mmdet; "
    "mmdet.Mask2Former is the image model": ('Mask2Former', ),
    "use type='Mask2FormerTrackHead' of mmdet, or type='CAVISHead'; "
    'mmdet.Mask2FormerHead is the head of the image model':
    ('Mask2FormerHead', ),
}

ABSENT: Dict[str, str] = {
    name: advice
    for advice, names in _NAMES.items()
    for name in names
}
"""dict[str, str]: Name to what to do instead, one line."""
