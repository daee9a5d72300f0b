"""What single image formats need before or after Pillow decodes them; one file for each matter."""
