"""The process that keeps the clock, holds the lease and starts each round in a process of its own."""
