"""What happens while programs run, told as events: to metrics, logs, spans and the dashboard."""
