//! A command-line agent client.
