"""The training program: reads one job, writes one result. It knows neither git nor ledger, and is run in the box."""
