"""From labelled images to the first version in production."""
