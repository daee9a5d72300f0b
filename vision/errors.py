"""The errors of this room.

VisionError
├── ImageError                  one image can't be used
│   ├── EmptyImageError             no bytes
│   ├── NotAnImageError             bytes of no type that we read here
│   ├── UndecodableImageError       the right type, but broken, animated or of an unknown kind
│   ├── TooManyBytesError           larger than the limit
│   └── TooManyPixelsError          would decode to more pixels than the limit
├── LabelError                  an empty, over-long or unprintable label
├── UnknownBackboneError        no such network in the zoo
├── UnknownStrategyError        no such way to transfer
├── AdaptationError             an adaptation to another domain is impossible
│   ├── UnknownAdaptationError      there is none of that name
│   ├── ConflictingAdaptationsError it does not go with the rest of the settings
│   └── UnlabelledMissingError      it needs pictures of the target domain
├── ImageSizeError              the network can't take images that small
├── WeightsUnavailableError     pretrained weights could not be had
├── WeightsMismatchError        a weights file belongs to another network
├── CorruptArtifactError        an artifact's files do not fit together
├── EngineUnavailableError      an engine is not installed, or can't run this network
├── IncompatibleStatesError     two states that can't be interpolated
├── TooFewSamplesError          a set with nothing to train or choose on
├── TrainingDivergedError       the loss is no number any more
└── SourceError                 labelled images can't be trained on
    ├── SourceMissingError          no such file or folder
    ├── UnknownSourceError          none of the formats that we read, or several at once
    ├── MalformedSourceError        a table or an archive breaks the rules of its format
    ├── ReaderMissingError          the format needs a package that is not installed
    ├── NoImagesError               nothing to read in it
    ├── ClassNameError              a folder's name can't be a class, or two classes have one name
    ├── OneClassError               one class only
    ├── SmallClassError             a class of too few images
    ├── UnknownValidationClassError val/ has a class that train/ lacks
    └── UnreadableImagesError       too many images can't be read
"""


class VisionError(Exception):
    """Base of every error of this room."""


class ImageError(VisionError):
    """One image can't be used; the message says why."""


class EmptyImageError(ImageError):
    """No bytes where an image was expected."""


class NotAnImageError(ImageError):
    """The bytes are of no type that can be read here."""


class UndecodableImageError(ImageError):
    """The bytes begin like an image that we accept, but can't be decoded to one picture."""


class TooManyBytesError(ImageError):
    """The encoded image is larger than the limit."""


class TooManyPixelsError(ImageError):
    """The image would decode to more pixels than the limit."""


class LabelError(VisionError):
    """A text can't be the name of a class; the message says why."""


class UnknownBackboneError(VisionError):
    """The zoo holds no backbone of that name."""


class UnknownStrategyError(VisionError):
    """There is no transfer strategy of that name."""


class AdaptationError(VisionError):
    """An adaptation to another domain is impossible; the message says what to change."""


class UnknownAdaptationError(AdaptationError):
    """There is no adaptation of that name."""


class ConflictingAdaptationsError(AdaptationError):
    """An adaptation does not go with another, the strategy, the weights or the backbone."""


class UnlabelledMissingError(AdaptationError):
    """An adaptation needs more unlabelled pictures of the target domain than there are."""


class ImageSizeError(VisionError):
    """The backbone can't take images of that size."""


class WeightsUnavailableError(VisionError):
    """The pretrained weights are not here and could not be fetched."""


class WeightsMismatchError(VisionError):
    """A weights file can't be read or belongs to another network."""


class CorruptArtifactError(VisionError):
    """The files of an artifact are missing, broken or do not belong together."""


class EngineUnavailableError(VisionError):
    """An engine is not installed, or can't run this network; torch always can."""


class IncompatibleStatesError(VisionError):
    """Two network states differ in their names or shapes."""


class TooFewSamplesError(VisionError):
    """A set holds too little to train or to choose on."""


class TrainingDivergedError(VisionError):
    """The training loss became infinite or undefined."""


class SourceError(VisionError):
    """Labelled images can't be trained on; the message says what was found and what is needed."""


class SourceMissingError(SourceError):
    """There is no such file or folder."""


class UnknownSourceError(SourceError):
    """The images are in none of the formats that we read, or in several at once."""


class MalformedSourceError(SourceError):
    """A table or an archive breaks the rules of its format."""


class ReaderMissingError(SourceError):
    """The format is read with a package that is not installed."""


class NoImagesError(SourceError):
    """There is no image in the expected layout."""


class ClassNameError(SourceError):
    """A name can't be that of a class, or people would take two names for one."""


class OneClassError(SourceError):
    """There is only one class."""


class SmallClassError(SourceError):
    """A class has too few images to be cut into train, validation and golden."""


class UnknownValidationClassError(SourceError):
    """The validation folder holds a class that the training folder lacks."""


class UnreadableImagesError(SourceError):
    """Too many images could not be read for the rest to be trusted."""
