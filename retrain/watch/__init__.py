"""After a promotion: whether production is worse than the version before it on what it is asked now."""
