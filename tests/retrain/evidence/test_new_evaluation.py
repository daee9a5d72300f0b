import pytest

from retrain.dataset import Item
from retrain.evidence.new_evaluation import NewEvaluation
from retrain.evidence.new_images import NewImage, NewImages
from retrain.evidence.pool import MAX_QUESTIONS
from retrain.models import RoundModels
from tests.retrain.world import World
from vision.engines.choice import EngineSettings
from vision.engines.served_model import ServedModel


def contrary(models: RoundModels, sha256: str) -> ServedModel:
    """Return a model that answers what the champion holds for least likely."""
    state = dict(models.artifact.state)
    for name in ("fc.weight", "fc.bias"):
        state[name] = -state[name]
    return models.finished(state, [Item(sha256, 0)], 1, keeps_temperature=True)


@pytest.mark.slow
def test_a_pool_ends_with_enough_questions_but_not_before_what_an_earlier_candidate_was_judged_on(
    world: World,
) -> None:
    sha256s = world.predict([content for _, content in world.night(60)])
    images = NewImages("pool", tuple(NewImage(sha, n, "app") for n, sha in enumerate(sha256s)), (), {})
    models = RoundModels(world.production, world.blobs, EngineSettings(kind="torch"))
    evaluation = NewEvaluation(models, images, lambda: None)
    other = contrary(models, sha256s[0])
    first = evaluation.compare(other)
    assert len(first.open_questions) == len(first.pool) == MAX_QUESTIONS
    # It never differs, so it is asked about all.
    alike = evaluation.compare(models.champion)
    assert (len(alike.open_questions), len(alike.pool)) == (0, 60)
    assert len(evaluation.compare(other).pool) == 60
