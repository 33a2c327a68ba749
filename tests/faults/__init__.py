"""Tools that break what the system under test leans on."""
