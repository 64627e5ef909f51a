"""The endpoints: each reads one kind of request and answers it. Reaches the engine by its face only."""
