"""The servers that ours is compared with, each as its documentation shows, with one worker a core."""
