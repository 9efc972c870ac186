"""What happens to sounds, of which bridges lead back: noise, saturation, gaps, lost frequencies."""

from suffuse_audio.operators.clipped import ClippedSound, clipped_sound
from suffuse_audio.operators.gap import GapSound, gap_sound
from suffuse_audio.operators.heard import Heard
from suffuse_audio.operators.narrow import NarrowSound, narrow_sound
from suffuse_audio.operators.noisy import NoisySound, noisy_sound

__all__ = [
    "ClippedSound",
    "GapSound",
    "Heard",
    "NarrowSound",
    "NoisySound",
    "clipped_sound",
    "gap_sound",
    "narrow_sound",
    "noisy_sound",
]
