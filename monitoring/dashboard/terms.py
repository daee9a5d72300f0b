"""The words that the pages explain where they use them, as the glossary of the documentation does."""

TERMS = {
    "candidate": "what a round trained, before it is judged",
    "dispute": "a label that contradicts a trusted one, or two sources that differ; a person settles it",
    "drift": "the images that come in look otherwise than those that were learnt",
    "forgetting": "accuracy on old images that a later version lost",
    "gate": "the rules that a candidate must hold to before it may replace production",
    "golden set": "images of the first training that nothing learns from; old accuracy is judged on them",
    "negative flip": "an answer that was right and is now wrong",
    "pending": "not yet seen by production or its ancestors under the label that it has now",
    "production": "the version that answers",
    "promote": "make a version production",
    "question": "an image whose label is asked for, blind, in the queue",
    "round": "one retraining: samples in, a verdict out",
    "sample": "an image with its label",
    "slice": "old samples that later rounds are judged on: the golden set, the holdout of one promoted "
    "round, or the history of older ones",
    "source": "whose key sent a label",
    "starter": "the model that serves before you have trained one",
    "verdict": "the gate's decision, with its numbers and one sentence",
    "version": "weights, classes and preprocessing, which never change: v1, v2, …",
    "watch": "after a promotion: the version before it answers beside production, and whichever is proven "
    "worse goes",
    "worker": "a process that answers requests",
}
