"""Takes an actor and an activation; gives a picture: skin, eyes, mouth, hair and what is behind them."""
