"""What a process has to say of its part of many videos."""
from dataclasses import dataclass


@dataclass
class BulkReport:
    """Counts of videos.

    Attributes:
        done (int): Done by this call.
        skipped (int): Of the shard, done before.
        failed (int): Of the shard, now or before.
        elsewhere (int): Of the shard, in the hands of another process.
        left (int): Of the shard, left open by a signal.
        frames (int): Frames of the videos done by this call.
        seconds (float): Duration of the call.
    """
    done: int = 0
    skipped: int = 0
    failed: int = 0
    elsewhere: int = 0
    left: int = 0
    frames: int = 0
    seconds: float = 0.

    @property
    def exit_code(self) -> int:
        """int: 3 if videos are left, else 2 if some failed, else 0."""
        if self.left:
            return 3
        return 2 if self.failed else 0

    def __str__(self) -> str:
        words = [
            f'{count} {word}'
            for word, count in (('done', self.done),
                                ('done before', self.skipped), ('failed',
                                                                self.failed),
                                ('with another process',
                                 self.elsewhere), ('left open', self.left))
            if count or word == 'done'
        ]
        seconds = max(self.seconds, 1e-9)
        return (f'{", ".join(words)}; {self.frames} frames in '
                f'{self.seconds:.1f} s: {self.done / seconds:.2f} videos/s, '
                f'{self.frames / seconds:.1f} frames/s')
