"""The servers that ours is measured beside: each as its documentation shows, one worker a core."""
