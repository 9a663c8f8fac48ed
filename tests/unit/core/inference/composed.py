"""What a config leaves of logits, put together from the filters in the order of transformers."""

from collections.abc import Iterable

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.sampling import filters
from lumina_cli.core.inference.sampling.filters import Logits


def composed(config: SamplingConfig, logits: Logits, recent: Iterable[int] = ()) -> Logits:
    """Return the logits after penalty, temperature and the sampler's own filter."""
    penalized = filters.penalize(config, logits, recent)
    warmed = filters.temperature(penalized, value=config.temperature)
    return filters.make_filter(config)(warmed)
