"""Figurl links to a recording's views, through sortingview: made where there are credentials, never in the way."""
