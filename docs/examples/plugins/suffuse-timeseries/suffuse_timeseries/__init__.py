"""Windows of several sensors' readings, some of them missing."""
