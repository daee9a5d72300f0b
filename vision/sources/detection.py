"""Detects the format of labelled images by their files, and lists them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from vision.decoding import ImageLimits
from vision.errors import SourceMissingError, UnknownSourceError
from vision.sources.csv_file import list_csv, tables_in
from vision.sources.image_folder import list_image_folder, num_class_folders
from vision.sources.listing import Listing
from vision.sources.metadata_folder import list_metadata_folder, metadata_files, names_labels
from vision.sources.parquet import list_parquet, parquet_files
from vision.sources.tar_shards import tars_in
from vision.sources.webdataset import list_webdataset

_FILES: dict[str, Callable[[Path, ImageLimits], Listing]] = {
    ".csv": list_csv,
    ".parquet": list_parquet,
    ".tar": list_webdataset,
}


def list_images(place: Path, limits: ImageLimits) -> Listing:
    """List the labelled images at a path.

    Args:
        place: A CSV, parquet or tar file; or a folder of parquet files, of tars, of images with their
            metadata, or of one folder of images for each class.
        limits: What one image may cost.

    Raises:
        SourceError: It doesn't exist, is in no format that we read, or breaks the rules of its format.
    """
    if not place.exists():
        raise SourceMissingError(
            f"Expected labelled images at {place}: a folder with one folder of images for each class, a CSV, "
            "parquet files or tars; there is none."
        )
    if place.is_dir():
        return _list_folder(place, limits)
    reader = _FILES.get(place.suffix.lower()) if place.is_file() else None
    if reader is None:
        raise UnknownSourceError(
            f"Expected a folder, or a file that ends in {', '.join(_FILES)}; found {place}"
            f"{'' if place.is_file() else ', which is a pipe, a device or a socket'}. Name one of these."
        )
    return reader(place, limits)


def _list_folder(folder: Path, limits: ImageLimits) -> Listing:
    metadata, tables = metadata_files(folder), tables_in(folder)
    num_classes = num_class_folders(folder)
    if metadata and (num_classes == 0 or all(map(names_labels, metadata))):
        return list_metadata_folder(folder, limits)
    formats: dict[str, Callable[[], Listing]] = {}
    if len(tables) == 1:
        formats["a CSV of paths and labels"] = partial(list_csv, tables[0], limits)
    # A single folder may hold the images that the CSV names.
    if num_classes > len(tables):
        formats["class folders"] = partial(list_image_folder, folder, limits)
    if parquet_files(folder):
        formats["parquet files"] = partial(list_parquet, folder, limits)
    if tars_in(folder):
        formats["tars"] = partial(list_webdataset, folder, limits)
    if len(formats) > 1:
        raise UnknownSourceError(
            f"Expected images of one format in {folder}; found {' and '.join(formats)}. Name the one that is "
            "meant by its own path, or move the others away."
        )
    return next(iter(formats.values()), partial(list_image_folder, folder, limits))()
