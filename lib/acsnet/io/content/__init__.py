"""What a scan shows, by what lies beside its pixels."""
