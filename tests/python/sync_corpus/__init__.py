"""Recordings of one scene by several microphones, cameras and sensors, with what is true of them: `sync_corpus.py`."""
