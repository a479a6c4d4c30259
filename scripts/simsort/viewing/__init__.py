"""The offline curation page: its data, its two forms and the server that saves what is curated on it."""
