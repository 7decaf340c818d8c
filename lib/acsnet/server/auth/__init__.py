"""Who is there, and what they may do: accounts, sessions, tokens of an identity provider, roles."""
