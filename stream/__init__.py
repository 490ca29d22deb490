"""Third floor: logs, joins, the pipeline and the processes that learn from a stream."""
