"""The questions that the lab answers; this module loads no torch, so that listing them is quick."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """The question of one experiment.

    Attributes:
        name: Its name on the command line.
        title: The question in a few words.
        text: The question.
    """

    name: str
    title: str
    text: str


QUESTIONS: tuple[Question, ...] = (
    Question(
        "freezing",
        "How much to freeze",
        "Is it enough to train a new head on frozen features, or do the last block or the whole network have "
        "to be trained too? What does each cost in time and trained parameters, and which is worth it?",
    ),
    Question(
        "learning-rate",
        "How fast to learn",
        "How do the losses change when the learning rate is 0.0001, 0.001, 0.01 or 0.1? Which of these rates "
        "is too small for these images, which is too large, and how does it show?",
    ),
    Question(
        "momentum",
        "Which optimizer makes the steps",
        "Does momentum make SGD learn these images in fewer epochs, and do Adam or AdamW learn them faster "
        "or better?",
    ),
    Question(
        "augmentation",
        "What random variants gain",
        "With no more than 50 training images of each class, do random crops, mirror images and jittered "
        "colours help on the test images, and do they close the gap between those and the training images?",
    ),
    Question(
        "backbones",
        "Which network to start from",
        "Which pretrained network is best on these images, and what do training and prediction cost?",
    ),
    Question(
        "unfreezing",
        "Whether to unfreeze in steps",
        "Is it better to train the head first, then the last block with it, and only then everything, than "
        "to train everything from the first step?",
    ),
    Question(
        "shift",
        "What a change of camera costs",
        "How much accuracy is lost when images have no colours, noise and a strong colour cast, while all "
        "training images were clean, and which adaptation wins some of it back?",
    ),
)
