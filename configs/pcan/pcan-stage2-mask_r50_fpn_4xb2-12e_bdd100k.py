# Stage 2 of PCAN on BDD100K MOTS: the mask head, everything else frozen.
# This is QDTrack-mots-fix of the paper.
_base_ = './pcan_r50_fpn_4xb2-12e_bdd100k.py'
model = dict(
    refine_head=None,
    frame_pcam=None,
    freeze=[
        'detector.backbone', 'detector.neck', 'detector.rpn_head',
        'detector.roi_head.bbox_head', 'track_head'
    ])
load_from = 'work_dirs/pcan-stage1-box_r50_fpn_4xb2-12e_bdd100k/epoch_12.pth'
