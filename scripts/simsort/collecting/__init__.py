"""The summary files and the start page of a results folder."""
