"""Engines run a version's network: OpenVINO on the CPU, torch on CUDA and wherever OpenVINO is missing."""
