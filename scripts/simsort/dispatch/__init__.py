"""Finding the recordings of a session, checking them and describing each as a job."""
