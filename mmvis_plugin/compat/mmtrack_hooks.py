"""Hooks under the names and with the arguments of mmtrack 1.0.0rc1."""
from typing import Optional

from mmvis_plugin.engine.hooks import VideoVisualizationHook


class TrackVisualizationHook(VideoVisualizationHook):
    """Draw the results of a test or validation run.

    Args:
        interval (int): Without a window and a folder, every n-th frame of a
            video goes to the backends. Defaults to 30.
        file_client_args (dict, optional): Arguments of the file backend;
            'disk' is the local one. Defaults to None.
        **kwargs: ``draw``, ``score_thr``, ``show``, ``wait_time``,
            ``test_out_dir`` and what else :class:`VideoVisualizationHook`
            takes.

    Differs from mmtrack: ``test_out_dir`` is taken as it is written, and
    gets a video next to the frames.
    """

    def __init__(self,
                 interval: int = 30,
                 file_client_args: Optional[dict] = None,
                 **kwargs) -> None:
        if (file_client_args or {}).get('backend') not in (None, 'disk'):
            kwargs.setdefault('backend_args', file_client_args)
        super().__init__(frame_interval=interval, **kwargs)
