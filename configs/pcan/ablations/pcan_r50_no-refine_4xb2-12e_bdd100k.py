_base_ = '../pcan_r50_fpn_4xb2-12e_bdd100k.py'
# Frame-level module alone, base masks: test with the checkpoint of stage 2.
# Trained, this is stage 2, in which the frame level takes no part.
model = dict(
    refine_head=None,
    freeze=[
        'detector.backbone', 'detector.neck', 'detector.rpn_head',
        'detector.roi_head.bbox_head', 'track_head'
    ])
load_from = 'work_dirs/pcan-stage1-box_r50_fpn_4xb2-12e_bdd100k/epoch_12.pth'
