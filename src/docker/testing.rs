//! A scripted daemon for tests.
