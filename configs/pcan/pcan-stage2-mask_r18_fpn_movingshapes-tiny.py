# Stage 2 of PCAN on MovingShapes: the mask head, everything else frozen.
_base_ = './pcan_r18_fpn_movingshapes-tiny.py'
model = dict(
    refine_head=None,
    frame_pcam=None,
    freeze=[
        'detector.backbone', 'detector.neck', 'detector.rpn_head',
        'detector.roi_head.bbox_head', 'track_head'
    ])
load_from = ('work_dirs/pcan-stage1-box_r18_fpn_movingshapes-tiny/'
             'iter_3000.pth')
