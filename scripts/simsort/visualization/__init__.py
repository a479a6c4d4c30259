"""Pictures of recordings, motion and units."""
