"""What is looked at: accuracy, forgetting, drift, Prometheus metrics and the dashboard."""
