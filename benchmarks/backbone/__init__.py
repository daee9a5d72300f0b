"""How the bundled backbone is made: EfficientNet-Lite0 distilled into ResNet-18 on Tiny ImageNet."""
