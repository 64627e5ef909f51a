"""Pure translations between the API's bodies and conversations, generations and replies."""
