"""The runner of this package's configs."""
import os
import os.path as osp
from typing import Any, Dict

from mmengine.dist import master_only
from mmengine.logging import MMLogger
from mmengine.runner import Runner

from mmvis_plugin.registry import RUNNERS
from mmvis_plugin.utils.console import keep_console_short
from mmvis_plugin.utils.safe_globals import allow_checkpoint_classes


@RUNNERS.register_module()
class VideoRunner(Runner):
    """``Runner`` with whole checkpoints and a short console.

    Args of the constructor are those of ``mmengine.runner.Runner``; configs
    choose it with ``runner_type = 'VideoRunner'``.
    """

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Build the logger; long listings go to its file only.

        Args:
            *args: As ``Runner.build_logger``.
            **kwargs: As ``Runner.build_logger``.

        Returns:
            MMLogger: The logger.
        """
        logger = super().build_logger(*args, **kwargs)
        keep_console_short(logger)
        return logger

    def load_checkpoint(self, *args, **kwargs) -> Dict[str, Any]:
        """Load a checkpoint with the safe reader.

        Args:
            *args: As ``Runner.load_checkpoint``.
            **kwargs: As ``Runner.load_checkpoint``.

        Returns:
            dict: The content.
        """
        allow_checkpoint_classes()
        try:
            return super().load_checkpoint(*args, **kwargs)
        finally:
            # onedl-mmengine removes its classes from the list when done
            allow_checkpoint_classes()

    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args,
                        **kwargs) -> None:
        """Save a checkpoint that is whole or absent, even if killed.

        Args:
            out_dir (str): Folder; a remote address is written directly.
            filename (str): Name in the folder.
            *args: As ``Runner.save_checkpoint``.
            **kwargs: As ``Runner.save_checkpoint``.
        """
        if '://' in str(out_dir):
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
            return
        partial = f'{filename}.tmp'
        super().save_checkpoint(out_dir, partial, *args, **kwargs)
        os.replace(osp.join(out_dir, partial), osp.join(out_dir, filename))
