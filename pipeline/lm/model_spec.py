"""Which language model, and how it runs: the one record that the command line, a build and every worker pass on."""

from dataclasses import dataclass, replace

from pipeline.core.settings import ModelSettings
from pipeline.lm import bundled


@dataclass(frozen=True)
class ModelSpec:
    """A language model and how it runs.

    Attributes:
        path_or_id: A folder, or a Hub id.
        settings: Its revision, number type and device, and how sentences go through it.
        shown_name: What scores call it; without it the Hub id, or the name of the folder.
    """

    path_or_id: str
    settings: ModelSettings
    shown_name: str | None = None

    def with_settings(self, **changes: object) -> "ModelSpec":
        """The same model, run another way; the settings are not checked again."""
        return replace(self, settings=self.settings.model_copy(update=changes))


def find_model(name: str, settings: ModelSettings) -> ModelSpec:
    """The model that `--model` names: a folder, a Hub id, or `bundled`.

    The bundled model is so small that it gains nothing from a GPU or from threads, and without them it rounds the same
    on more machines. So `device = "auto"` means the CPU for it, and `threads = 0` means one.
    """
    if name != bundled.NAME:
        return ModelSpec(name, settings)
    spec = ModelSpec(str(bundled.bundled_model()), settings, bundled.SHOWN_NAME)
    device = "cpu" if settings.device == "auto" else settings.device
    return spec.with_settings(device=device, threads=settings.threads or 1)
