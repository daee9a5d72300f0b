"""A round on a version that is an ensemble."""

from dataclasses import replace

import pytest
import torch
from sqlalchemy import Connection

from retrain.models import RoundModels
from store import registry
from store.versions import NewVersion, add_version
from tests.retrain.world import World
from vision.artifact import Artifact, to_files
from vision.engines.choice import EngineSettings
from vision.ensemble import Ensemble, as_ensemble

TORCH = EngineSettings(kind="torch")


def ensemble_of(artifact: Artifact) -> Artifact:
    """Two members whose last blocks differ a little."""
    torch.manual_seed(3)
    ensemble = as_ensemble(artifact.build(), 2, 2)
    with torch.no_grad():
        for module in (module for group in ensemble.block_groups()[-2:] for module in group):
            for parameter in module.parameters():
                parameter.mul_(1 + 0.02 * torch.randn_like(parameter))
    return replace(artifact, state=ensemble.state_dict(), num_members=2, num_own_groups=2)


def promote(world: World, artifact: Artifact) -> None:
    files = {name: world.blobs.put(content) for name, content in to_files(artifact).items()}
    first = world.production

    def work(connection: Connection) -> None:
        new = NewVersion(class_names=artifact.class_names, files=files, margin=0.05, parent=first.version)
        version = add_version(connection, new, [])
        registry.promote(connection, version.version, reason="a test", actor="tests", force=True)

    world.database.write(work)


@pytest.mark.slow
def test_a_round_goes_on_with_all_members(world: World, day_artifact: Artifact) -> None:
    promote(world, ensemble_of(day_artifact))
    before = RoundModels(world.production, world.blobs, TORCH).artifact.build()
    # Twice as many samples and passes as other rounds here: each member has to follow, whatever the rounding.
    world.send(("blue", "green", "red", "yellow"), 320)
    ended = world.run(replace(world.settings, fine_tune=replace(world.settings.fine_tune, epochs=8)))
    assert ended.state == "promoted", ended.reason
    models = RoundModels(world.production, world.blobs, TORCH)
    assert (models.artifact.num_members, models.artifact.num_own_groups) == (2, 2)
    assert models.artifact.reference is not None
    assert models.artifact.reference.shape[1] == 512
    after = models.artifact.build()
    assert isinstance(before, Ensemble)
    assert isinstance(after, Ensemble)
    members = [after.member(index).state_dict() for index in range(2)]
    for index, member in enumerate(members):
        earlier = before.member(index).state_dict()
        for name in ("layer1.0.conv1.weight", "layer4.0.conv1.weight", "fc.weight"):
            assert not torch.equal(member[name], earlier[name])
        other = members[index - 1]
        assert torch.equal(member["layer1.0.conv1.weight"], other["layer1.0.conv1.weight"])
        assert not torch.equal(member["layer4.0.conv1.weight"], other["layer4.0.conv1.weight"])
    halfway = models.blended({**models.artifact.state}, 0.5)
    torch.testing.assert_close(halfway["fc.weight"], models.artifact.state["fc.weight"])
