"""Ensembles: several classifiers that share their shallow blocks; their probabilities are averaged."""

import math
from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from vision.network import Classifier

#: A corrupt description must not build thousands of networks.
MAX_MEMBERS = 32
#: The most block groups of any network of the zoo, plus its head.
MAX_OWN_GROUPS = 7


class MemberModules(nn.ModuleList):
    """One module for each member; it runs on a batch that holds the members' shares one after the other.

    Networks that run their blocks in turn need no other change, because pooling and activations between the
    blocks work on each row of the folded batch alone.
    """

    def __init__(self, modules: Sequence[nn.Module], *, is_fork: bool) -> None:
        super().__init__(modules)
        self._is_fork = is_fork

    def forward(self, features: Tensor) -> Tensor:
        """Return (N·B, …) of features (N·B, …), or of (B, …), which go to all N members, at the fork."""
        parts = [features] * len(self) if self._is_fork else features.chunk(len(self))
        return torch.cat([module(part) for module, part in zip(self, parts, strict=True)])


class Ensemble(Classifier):
    """Members that differ in their deepest blocks; used like any classifier.

    Its logits are the logarithm of the mean of the members' probabilities, so that their softmax is that
    mean. Its head is one Linear that holds the members' rows one after the other. If the members differ in
    more than the head, each has an embedding, and the ensemble's embedding is their mean.

    Source:
        Lakshminarayanan et al., "Simple and Scalable Predictive Uncertainty Estimation using Deep
        Ensembles", NeurIPS 2017.
    """

    def __init__(self, members: Sequence[Classifier], num_own_groups: int) -> None:
        """Join members; the ensemble uses the first one's network and the other ones' own blocks.

        Args:
            members: Of one backbone and the same classes, alike in the blocks that they share.
            num_own_groups: Block groups, counted from the head up, that each member has for itself: 1 for
                the head alone, 2 for the deepest block too.
        """
        # Imported here, as in `vision/network.py`: a server that runs OpenVINO needs no torchvision.
        from vision.zoo import find_backbone

        backbone, network = find_backbone(members[0].backbone_name), members[0].network
        # The head is a group of its own beside the backbone's.
        num_shared = max(0, len(backbone.groups) + 1 - num_own_groups)
        own = [path for group in backbone.groups[num_shared:] for path in group]
        for position, path in enumerate(own):
            modules = [member.network.get_submodule(path) for member in members]
            network.set_submodule(path, MemberModules(modules, is_fork=position == 0))
        super().__init__(backbone, network, _joined([member.head for member in members]))
        self.num_members = len(members)
        self.num_classes = members[0].num_classes
        self.num_own_groups = num_own_groups
        self._own_paths = own

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings (N, embedding_dim) of images (N, 3, H, W)."""
        return self._embed_each(images).mean(dim=0)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, num_classes) of images (N, 3, H, W)."""
        return self.classify(images)[0]

    def classify(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, num_classes) and embeddings (N, embedding_dim) from one forward."""
        each, embeddings = self.classify_each(images)
        return mean_logits(each), embeddings

    def classify_each(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the members' own logits (N, members, num_classes), and embeddings (N, embedding_dim)."""
        each = self._embed_each(images)
        if len(each) == 1:
            # One product for all members, since OpenVINO (2026.4) doesn't broadcast over them.
            return self.head(each[0]).view(-1, self.num_members, self.num_classes), each[0]
        # Of (members, classes, dim) and (members, N, dim).
        weight = self.head.weight.view(self.num_members, self.num_classes, -1)
        logits = torch.matmul(each, weight.transpose(1, 2)) + self.head.bias.view(self.num_members, 1, -1)
        return logits.transpose(0, 1), each.mean(dim=0)

    def member(self, index: int) -> Classifier:
        """Return one member as a classifier of its own; nothing is shared with the ensemble."""
        network = deepcopy(self.network)
        for path in self._own_paths:
            members = network.get_submodule(path)
            # A copy of the members' list, which `set_submodule` replaces by one of them.
            network.set_submodule(path, list(members.children())[index])
        head = nn.Linear(self.embedding_dim, self.num_classes, device=self.head.weight.device)
        rows = slice(index * self.num_classes, (index + 1) * self.num_classes)
        with torch.no_grad():
            head.weight.copy_(self.head.weight[rows])
            head.bias.copy_(self.head.bias[rows])
        network.set_submodule(self.head_path, head)
        from vision.zoo import find_backbone

        return Classifier(find_backbone(self.backbone_name), network, head).train(self.training)

    def _embed_each(self, images: Tensor) -> Tensor:
        """Return (members, N, dim), or (1, N, dim) where the members differ in the head alone."""
        embeddings: Tensor = self.network(images)
        num_embeddings = self.num_members if self._own_paths else 1
        return embeddings.view(num_embeddings, -1, self.embedding_dim)


def mean_logits(each: Tensor) -> Tensor:
    """Return logits (N, C) whose softmax is the mean of the softmaxes of logits (N, members, C)."""
    return each.log_softmax(dim=2).logsumexp(dim=1) - math.log(each.shape[1])


def as_ensemble(classifier: Classifier, num_members: int, num_own_groups: int) -> Ensemble:
    """Return an ensemble of copies of a classifier, which is used up."""
    copies = [deepcopy(classifier) for _ in range(num_members - 1)]
    return Ensemble([classifier, *copies], num_own_groups)


def _joined(heads: Sequence[nn.Linear]) -> nn.Linear:
    first = heads[0]
    with torch.no_grad():
        weight, bias = torch.cat([h.weight for h in heads]), torch.cat([h.bias for h in heads])
    joined = nn.Linear(first.in_features, len(weight), device=first.weight.device)
    joined.weight, joined.bias = nn.Parameter(weight), nn.Parameter(bias)
    return joined
