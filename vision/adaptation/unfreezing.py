"""Layer-wise unfreezing: the later layers adapt first, the early ones last and least.

Source:
    Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018, parts 3.2 and
    3.3, for the unfreezing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vision.strategies import Strategy

#: The strategy that does it: head, last block, then all of it with lower rates the shallower a block lies.
STRATEGY: "Strategy" = "gradual"
