"""Drifts one after another, learnt by the product's own rounds and by what a specialist would write."""
