"""The runner of this package's configs."""
import os
import os.path as osp
from typing import Any, Dict, Optional, Union

from mmengine.device import get_device
from mmengine.dist import is_distributed, master_only
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmvis_plugin.registry import RUNNERS
from mmvis_plugin.utils.console import keep_console_short
from mmvis_plugin.utils.cpu_group import init_cpu_group
from mmvis_plugin.utils.safe_globals import allow_checkpoint_classes
from mmvis_plugin.utils.worker_signals import spare_workers
from .optim_runner import OptimRunner

_PARTIAL = 'checkpoint.tmp'


@RUNNERS.register_module()
class VideoRunner(OptimRunner):
    """``Runner`` with whole checkpoints and a short console.

    Several processes work without an accelerator, too: they use the backend
    gloo there, whatever ``env_cfg.dist_cfg`` says.

    Args of the constructor are those of ``mmengine.runner.Runner``; configs
    choose it with ``runner_type = 'VideoRunner'``.
    """

    def setup_env(self, env_cfg: Dict) -> None:
        """Set up processes and, for several, their group.

        Args:
            env_cfg (dict): As ``Runner.setup_env``.
        """
        if self.distributed and get_device() == 'cpu' and not is_distributed():
            init_cpu_group(self.launcher, **env_cfg.get('dist_cfg', {}))
        super().setup_env(env_cfg)

    @staticmethod
    def build_dataloader(dataloader: Union[DataLoader, Dict], *args,
                         **kwargs) -> DataLoader:
        """Build a loader whose workers do not die of signals to the job.

        Args:
            dataloader (DataLoader or dict): As ``Runner.build_dataloader``.
            *args: As ``Runner.build_dataloader``.
            **kwargs: As ``Runner.build_dataloader``.

        Returns:
            DataLoader: The loader.
        """
        loader = Runner.build_dataloader(dataloader, *args, **kwargs)
        if loader is not dataloader:
            spare_workers(loader)
        return loader

    def wrap_model(self, model_wrapper_cfg: Optional[Dict],
                   model: nn.Module) -> nn.Module:
        """Wrap the model for several processes; on CPUs name no device.

        Args:
            model_wrapper_cfg (dict, optional): As ``Runner.wrap_model``.
            model (nn.Module): As ``Runner.wrap_model``.

        Returns:
            nn.Module: The model, or its wrapper.
        """
        if self.distributed and get_device() == 'cpu':
            options = dict(
                broadcast_buffers=False,
                find_unused_parameters=self.cfg.get('find_unused_parameters',
                                                    False))
            if model_wrapper_cfg is not None:
                options = dict(model_wrapper_cfg)
            model_wrapper_cfg = dict(options, device_ids=None)
        return super().wrap_model(model_wrapper_cfg, model)

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

        What a killed run was writing stays as ``checkpoint.tmp`` until the
        next checkpoint takes its place.

        Args:
            out_dir (str): Folder; a remote address is written directly.
            filename (str): Name in the folder.
            *args: As ``Runner.save_checkpoint``.
            **kwargs: As ``Runner.save_checkpoint``.

        Raises:
            OSError: It cannot be written, for example because the disk is
                full; names the file. Nothing of it is left.
        """
        if '://' in str(out_dir):
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
            return
        path = osp.join(out_dir, filename)
        partial = osp.join(out_dir, _PARTIAL)
        try:
            super().save_checkpoint(out_dir, _PARTIAL, *args, **kwargs)
            # some file systems say only now that they are full, and a
            # machine that loses power must not leave an empty file
            with open(partial, 'rb') as file:
                os.fsync(file.fileno())
            os.replace(partial, path)
        except OSError as err:
            if osp.lexists(partial):
                os.remove(partial)
            raise OSError(err.errno, err.strerror, path) from err
