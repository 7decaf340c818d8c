"""Authentication and authorisation: accounts, sessions, tokens of an identity provider, roles."""
