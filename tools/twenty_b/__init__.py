"""What conversion takes, in memory and time, for a checkpoint of gpt-oss-20b's shape."""
