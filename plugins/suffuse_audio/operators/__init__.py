"""What happens to sounds, of which bridges lead back: noise, saturation, lost frequencies."""

from suffuse_audio.operators.clipped import ClippedSound
from suffuse_audio.operators.heard import Heard
from suffuse_audio.operators.narrow import NarrowSound
from suffuse_audio.operators.noisy import NoisySound

__all__ = ["ClippedSound", "Heard", "NarrowSound", "NoisySound"]
