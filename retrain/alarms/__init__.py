"""Alarms: what production is asked is compared with what is normal, and what differs is told."""
